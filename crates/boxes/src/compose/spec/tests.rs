//! Boxes go together where they agree, and say so where they do not.

use super::*;
use crate::LevelName;
use crate::spec::Limits;
use std::path::Path;

fn spec(name: &str, text: &str) -> BoxSpec {
    BoxSpec::parse(text, &Path::new(name).join("box.toml")).unwrap()
}

fn refusal(parts: &[BoxSpec], own: &BoxSpec) -> String {
    compose(parts, own).unwrap_err().to_string()
}

const BUY: &str = "[actions.buy]\nargv = [\"buy\"]\n";

#[test]
fn what_is_said_once_or_the_same_is_united() {
    let a = spec(
        "a",
        &format!(
            "setup=[\"one\"]\n{BUY}[files]\n\"/x\"={{text=\"1\"}}\n[env]\nA=\"1\"\n[limits]\npids=9\ncpu=1"
        ),
    );
    let b = spec(
        "b",
        &format!(
            "base=\"host\"\nsetup=[\"two\"]\n{BUY}[files]\n\"/x\"={{text=\"1\"}}\n\"/y\"={{text=\"2\"}}\n[limits]\npids=5"
        ),
    );
    let both = (&a + &b).unwrap();
    assert_eq!((both.name.as_str(), &both.base), ("a+b", &Some(Base::Host)));
    assert_eq!((both.files.len(), both.actions.len(), both.setup.len()), (2, 1, 2));
    let limits = Limits { pids: Some(5), cpu_millis: Some(1000), ..Limits::default() };
    assert_eq!(both.limits, limits);
    let reverse = (&b + &a).unwrap();
    assert_eq!((reverse.files, reverse.limits), (both.files, both.limits));
}

#[test]
fn where_two_differ_both_are_named_and_an_override_decides() {
    let a = spec(
        "a",
        "base=\"host\"\n[files]\n\"/x\"={text=\"1\"}\n[env]\nL=\"1\"\n[actions.buy]\nargv=[\"1\"]",
    );
    for (text, what, own) in [
        ("[files]\n\"/x\"={text=\"2\"}", "the file `x`", "[override]\nfiles=[\"/x\"]"),
        ("[env]\nL=\"2\"", "the variable `L`", "[override]\nenv=[\"L\"]"),
        ("[actions.buy]\nargv=[\"2\"]", "the action `buy`", "[override]\nactions=[\"buy\"]"),
        ("base=\"empty\"", "their base", "base=\"empty\""),
    ] {
        let b = spec("b", text);
        let error = (&a + &b).unwrap_err().to_string();
        assert!(error.starts_with(&format!("`a` and `b` differ about {what}")), "{error}");
        let decided = compose(&[a.clone(), b.clone()], &spec("c", own)).unwrap();
        let last = compose(&[b], &spec("c", own)).unwrap();
        assert!(last.files.iter().all(|(path, file)| decided.files[path] == *file));
        assert!(last.env.iter().all(|(name, value)| decided.env[name] == *value));
        assert!(last.actions.iter().all(|(name, action)| decided.actions[name] == *action));
    }
    // What the composing box says itself needs the same permission.
    let own = spec("c", "[env]\nL=\"3\"");
    assert!(refusal(std::slice::from_ref(&a), &own).contains("`a` and `c` differ"));
}

#[test]
fn rights_at_the_hub_are_granted_by_the_composing_box_alone() {
    let asks = spec("a", "[hub]\nsend=[\"orders/*\"]\nhear=[\"news.*\"]");
    let plain = spec("b", "");
    assert!((&asks + &plain).unwrap_err().to_string().contains("differ about the hub's rights"));
    assert_eq!((&asks + &asks).unwrap().hub, asks.hub);
    let parts = [asks.clone(), plain];
    let refused = refusal(&parts, &spec("c", ""));
    assert!(refused.contains("to write to orders/*, which `a` asks for"), "{refused}");
    let none = compose(&parts, &spec("c", "[hub]")).unwrap();
    assert_eq!(none.hub, Some(Rights::default()));
    let some = compose(&parts, &spec("c", "[hub]\nhear=[\"news.a\"]")).unwrap().hub.unwrap();
    assert_eq!((some.send.len(), some.hear), (0, vec!["news.a".to_owned()]));
}

#[test]
fn network_and_secrets_are_granted_by_the_composing_box_alone() {
    let asks = spec("a", "[network]\nallow=[\"x.y:1\"]\n[secrets]\nT=\"x.y:1\"");
    let plain = spec("b", "");
    assert!((&asks + &plain).unwrap_err().to_string().contains("differ about the network"));
    assert_eq!((&asks + &asks).unwrap().network, asks.network);
    let parts = [asks, plain];
    let silent = refusal(&parts, &spec("c", ""));
    assert!(silent.starts_with("x.y:1, which `a` asks for, is not granted"), "{silent}");
    let half = refusal(&parts, &spec("c", "[network]\nallow=[\"x.y:1\"]"));
    assert!(half.starts_with("the secret T, which `a` asks for"), "{half}");
    let none = compose(&parts, &spec("c", "[network]\nallow=[]\n[secrets]")).unwrap();
    assert_eq!((none.network, none.secrets), (Some(BTreeSet::new()), Some(BTreeMap::new())));
}

#[test]
fn walls_only_get_harder() {
    let level = |text: &str| spec("x", &format!("level=\"{text}\""));
    let (low, high, wasm) = (level("namespace"), level("microvm"), level("wasm"));
    assert_eq!((&low + &high).unwrap().level, Some(LevelName::Microvm));
    assert_eq!(compose(std::slice::from_ref(&high), &low).unwrap().level, Some(LevelName::Microvm));
    assert_eq!((&low + &spec("y", "")).unwrap().level, Some(LevelName::Namespace));
    assert!((&wasm + &low).unwrap_err().to_string().contains("their level"));
}

#[test]
fn what_cannot_be_at_once_is_refused() {
    let text = spec("a", "[files]\n\"/x\"={text=\"1\"}");
    let inside = spec("b", "[files]\n\"/x/y\"={text=\"1\"}");
    assert!((&text + &inside).unwrap_err().to_string().contains("`x`, a text, and `x/y` in it"));
    let env = spec("a", "[env]\nT=\"1\"");
    let own = spec("c", "[network]\nallow=[\"x.y:1\"]\n[secrets]\nT=\"x.y:1\"");
    assert!(refusal(&[env], &own).contains("a variable of the environment and a secret"));
}
