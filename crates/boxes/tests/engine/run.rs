//! Commands in boxes.

use crate::world::World;
use greenroom_boxes::engine::{Ending, ExecRequest};

#[test]
fn a_command_has_its_output_its_end_and_a_row() {
    let world = World::new();
    assert_eq!(world.sh("work", "cat /srv/a; echo two > /srv/b; hostname"), "one\nwork\n");
    let failed =
        world.exec("work", &ExecRequest::of(["sh", "-c", "echo bad >&2; exit 3"])).unwrap();
    assert_eq!((failed.ending, failed.stderr.as_str()), (Ending::Code(3), "bad\n"));
    let missing = world.exec("work", &ExecRequest::of(["no-such-program"])).unwrap_err();
    assert!(missing.to_string().contains("no-such-program"), "{missing}");
    let rows = world.engine.execs("work").unwrap();
    let endings: Vec<_> = rows.iter().map(|row| row.ending).collect();
    assert_eq!(endings, [Some(Ending::Code(0)), Some(Ending::Code(3)), Some(Ending::Code(127))]);
    assert_eq!(rows[2].argv, ["no-such-program"]);
    assert_eq!(world.sh("work", "cat /srv/b"), "two\n", "what one writes the next one reads");
}

#[test]
fn time_and_output_have_their_limits() {
    let world = World::new();
    let spec = "base = \"host\"\n[limits]\nwall = \"700ms\"\noutput = \"1KiB\"\n";
    world.image("small", spec);
    world.create("small", "little");
    let slow = world.exec("little", &ExecRequest::of(["sleep", "60"])).unwrap();
    assert_eq!(slow.ending, Ending::TimedOut);
    let long = world.exec("little", &ExecRequest::of(["seq", "5000"])).unwrap();
    assert_eq!((long.ending, long.stdout.len()), (Ending::Code(0), 1024));
    let layer = world.engine.branches().store().layer(long.output.unwrap()).unwrap();
    let size = |name: &str| match layer.entries().iter().find(|(path, _)| path.as_str() == name) {
        Some((_, greenroom_boxes::tree::Entry::File { size, .. })) => *size,
        other => panic!("{other:?}"),
    };
    assert_eq!((size("stdout"), size("stderr")), (23893, 0), "all of it is kept");
    world.engine.collect_garbage().unwrap();
    assert!(world.engine.branches().store().layer(long.output.unwrap()).is_ok());
}

#[test]
fn an_action_is_a_command_with_arguments_that_no_shell_reads() {
    let world = World::new();
    let spec = r#"base = "host"
[actions.greet]
description = "Greets."
argv = ["echo", "hello {name}"]
schema = { type = "object", properties = { name = { type = "string" } }, required = ["name"] }
"#;
    world.image("greeter", spec);
    world.create("greeter", "host-1");
    let args = serde_json::json!({ "name": "$(id); \"x\"" });
    let request = world.engine.action("host-1", "greet", &args).unwrap();
    assert_eq!(world.exec("host-1", &request).unwrap().stdout, "hello $(id); \"x\"\n");
    let missing = world.engine.action("host-1", "greet", &serde_json::json!({})).unwrap_err();
    assert!(missing.to_string().contains("argument `name`: is missing"), "{missing}");
    let unknown = world.engine.action("host-1", "leave", &args).unwrap_err();
    assert!(unknown.to_string().contains("it has greet"), "{unknown}");
}

#[test]
fn names_are_checked_and_taken_once() {
    let world = World::new();
    let image = world.engine.image("plain").unwrap();
    for name in ["", "-a", "Work", "a/b", "..", &"a".repeat(64)] {
        let error = world.engine.create(&image, name, None).unwrap_err();
        assert!(error.to_string().contains("is no name of a box"), "{error}");
    }
    let taken = world.engine.create(&image, "work", None).unwrap_err();
    assert!(taken.to_string().contains("take another"), "{taken}");
    assert!(world.engine.find("nobody").unwrap_err().to_string().contains("no box `nobody`"));
    assert!(world.engine.image("nothing").unwrap_err().to_string().contains("build its folder"));
}
