//! The hub of boxes with a name: who has it, as whom they speak, who serves it.

use crate::memory::MemoryHub;
use crate::world::World;
use greenroom_boxes::engine::{Ending, Engine, ExecRequest, Printed};

/// Runs the client in a box, for so long at most.
fn client(engine: &Engine, name: &str, words: &[&str]) -> Printed {
    let request = ExecRequest::of([&["greenroom-hub"], words].concat());
    let request = ExecRequest { timeout_ms: Some(15_000), ..request };
    engine.exec(name, &request, b"", &mut |_, _| {}).unwrap()
}

fn says(engine: &Engine, name: &str, key: &str) {
    let printed = client(engine, name, &["send", "owner", "n", "1", "--key", key]);
    assert!(printed.is_success(), "{printed:?}");
}

/// Who has said what, by its key.
fn heard(hub: &MemoryHub) -> Vec<(String, String)> {
    hub.kept().sent.iter().map(|(from, _, one)| (from.clone(), one.key.clone())).collect()
}

fn pair(from: &str, key: &str) -> (String, String) {
    (from.to_owned(), key.to_owned())
}

#[test]
fn where_no_node_is_the_client_says_so_at_once() {
    let world = World::new();
    for words in [&["send", "owner", "n", "1"][..], &["events", "n"]] {
        let printed = client(&world.engine, "work", words);
        assert_eq!(printed.ending, Ending::Code(3), "{printed:?}");
        assert!(printed.stderr.contains("no node has served this box"), "{printed:?}");
        assert!(printed.stderr.contains("`greenroom up`"), "{printed:?}");
    }
    let help = client(&world.engine, "work", &["--help"]);
    assert!(help.stdout.contains("send TO TOPIC JSON"), "{help:?}");
}

#[test]
fn a_box_and_its_branch_speak_under_their_own_names_and_write_nothing_by_it() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = World::with(Some(runtime.handle().clone()), None);
    let hub = MemoryHub::new();
    let node = world.node(&hub);
    says(&node, "work", "a");
    node.branch("work", &["try".to_owned()], None).unwrap();
    says(&node, "try", "b");
    says(&node, "work", "c");
    assert_eq!(heard(&hub), [pair("work", "a"), pair("try", "b"), pair("work", "c")]);
    let found = node.exec(
        "try",
        &ExecRequest::of([
            "sh",
            "-c",
            "command -v greenroom-hub; touch /run/greenroom-node || echo no",
        ]),
        b"",
        &mut |_, _| {},
    );
    assert_eq!(found.unwrap().stdout, "/run/greenroom-bin/greenroom-hub\nno\n");
    assert!(node.diff("try").unwrap().changes.is_empty(), "none of it is the box's own");
    // A PATH that the command is given is the one it has.
    let mut request = ExecRequest::of(["/bin/sh", "-c", "echo $PATH"]);
    request.env.insert("PATH".to_owned(), "/bin".to_owned());
    assert_eq!(node.exec("work", &request, b"", &mut |_, _| {}).unwrap().stdout, "/bin\n");
}

#[test]
fn a_node_finds_boxes_that_run_and_the_next_takes_over_when_it_goes() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = World::with(Some(runtime.handle().clone()), None);
    world.sh("work", "true");
    let (first, second) = (MemoryHub::new(), MemoryHub::new());
    let (one, other) = (world.node(&first), world.node(&second));
    assert_eq!(one.find_again().unwrap(), ["work"]);
    assert_eq!(other.find_again().unwrap(), ["work"]);
    // A command beside them serves no hub, and needs none.
    for key in ["a", "b", "c", "d"] {
        says(&world.engine, "work", key);
    }
    assert_eq!((heard(&first).len(), heard(&second).len()), (4, 0), "one of them serves");
    drop(one);
    for key in ["e", "f"] {
        says(&world.engine, "work", key);
    }
    assert_eq!(heard(&second), [pair("work", "e"), pair("work", "f")]);
    // Stopped and started it has other sockets.
    world.engine.stop("work").unwrap();
    assert_eq!(other.find_again().unwrap(), Vec::<String>::new());
    world.sh("work", "true");
    assert_eq!(other.find_again().unwrap(), ["work"]);
    says(&world.engine, "work", "g");
    assert_eq!(heard(&second).len(), 3);
}

#[test]
fn what_is_kept_for_a_box_that_is_no_more_is_named_until_it_is_forgotten() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = World::with(Some(runtime.handle().clone()), None);
    let node = world.node(&MemoryHub::new());
    says(&node, "work", "a");
    assert_eq!(node.departed().unwrap(), []);
    // Whoever removes it, and though another one has its name now.
    world.engine.discard("work").unwrap();
    world.create("plain", "work");
    says(&node, "work", "a");
    let departed = world.another().departed().unwrap();
    assert_eq!(departed.len(), 1, "{departed:?}");
    node.forgotten(&departed[0]).unwrap();
    assert_eq!(node.departed().unwrap(), []);
    world.engine.discard("work").unwrap();
    let later = node.departed().unwrap();
    assert_eq!(later[0].name, "work");
    assert!(later[0].number > departed[0].number, "{later:?}");
}
