//! Versions and grants, without a process.

use super::*;

fn process(id: &str) -> Who {
    Who::Process(id.to_owned())
}

fn store() -> Store {
    Store { maker: Some("lead/1".to_owned()), ..Store::default() }
}

fn grant(prefix: &str, write: bool) -> Grant {
    Grant { prefix: prefix.to_owned(), write }
}

#[test]
fn of_two_who_set_the_same_version_one_is_told() {
    let (mut store, lead) = (store(), process("lead/1"));
    assert_eq!(store.set("c", &lead, "a", 3, Some(0)), Ok(1));
    let refused = store.set("c", &lead, "a", 3, Some(0)).expect_err("it is there");
    assert!(refused.is(CONFLICT) && refused.message.contains("version 1, not 0"), "{refused:?}");
    assert_eq!(store.set("c", &lead, "a", 5, Some(1)), Ok(2));
    assert_eq!(store.set("c", &lead, "a", 5, None), Ok(3));
    assert_eq!(store.get("c", &lead, "a"), Ok(3));
    assert_eq!(store.get("c", &lead, "b"), Ok(0));
    assert_eq!(store.bytes, 5);
}

#[test]
fn a_grant_only_shrinks_on_the_way_down() {
    let (mut store, child) = (store(), process("writer/1"));
    let refused = store.get("context/1", &child, "site/a").expect_err("nothing is granted");
    assert!(refused.is(NOT_GRANTED));
    for words in ["writer/1 may not read `site/a`", "ask lead/1", "greenroom send context/1 grant"]
    {
        assert!(refused.message.contains(words), "{refused:?}");
    }
    store.grant("writer/1".to_owned(), grant("site/", false)).expect("room");
    assert!(store.get("c", &child, "site/a").is_ok() && store.get("c", &child, "sit").is_err());
    assert!(store.set("c", &child, "site/a", 1, None).is_err());
    assert!(store.may_grant("c", &child, &grant("site/home/", false)).is_ok());
    assert!(store.may_grant("c", &child, &grant("site/", true)).is_err());
    assert!(store.may_grant("c", &child, &grant("", false)).is_err());
    assert!(store.list("c", &child, "").is_err() && store.list("c", &child, "site/").is_ok());
    assert!(store.may_grant("c", &Who::Person, &grant("", true)).is_ok());
}

#[test]
fn it_is_bounded() {
    let (mut store, lead) = (store(), process("lead/1"));
    for (key, bytes) in [("", 1), (&*"k".repeat(513), 1), ("\n", 1), ("a", VALUE_BYTES_MAX + 1)] {
        let refused = store.set("c", &lead, key, bytes, None).expect_err("too much");
        assert!(refused.is(TOO_MUCH), "{refused:?}");
    }
    for key in 0..8 {
        assert!(store.set("c", &lead, &key.to_string(), VALUE_BYTES_MAX, None).is_ok());
    }
    assert!(store.set("c", &lead, "more", 1, None).is_err());
    assert!(store.set("c", &lead, "7", 4, None).is_ok(), "what takes its place makes room");
    assert!(store.set("c", &lead, "more", 1, None).is_ok());
}

#[test]
fn it_goes_into_a_new_segment_at_its_limits() {
    let (mut store, id) = (store(), "\"".repeat(250));
    let who = Who::Process(id.clone());
    store.maker = Some(id.clone());
    for n in 0..KEYS_MAX {
        let key = format!("{}{n:05}", "\"".repeat(KEY_BYTES_MAX - 5));
        store.set("c", &who, &key, 1, None).expect("room");
        store.grant(format!("{id}{n}"), grant(&key, true)).expect("room");
        if n < WATCHES_MAX {
            store.watch("c", &who, &key).expect("room");
        }
    }
    assert!(crate::json_size::json_size(&store) < greenroom_model::PAYLOAD_MAX_BYTES);
    let long = "k".repeat(KEY_BYTES_MAX + 1);
    assert!(Store::default().grant("a/b".to_owned(), grant(&long, false)).is_err());
    assert!(store.watch("c", &Who::Process(id), &long).is_err());
}

#[test]
fn who_changes_a_key_is_not_told_of_it() {
    let (mut store, lead) = (store(), process("lead/1"));
    store.watch("c", &lead, "site/").expect("it may");
    store.watch("c", &lead, "site/a").expect("it may");
    assert!(store.watchers("site/a", &lead).is_empty());
    assert_eq!(store.watchers("site/a", &Who::Person).len(), 1);
    assert!(store.watchers("other", &Who::Person).is_empty());
}
