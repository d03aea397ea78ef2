//! What the doctor says is what is there.

use greenroom_boxes::sandbox::{Error, Launch, LevelName, Row, doctor, open};

use crate::house::House;

fn find<'rows>(rows: &'rows [Row], mechanism: &str) -> &'rows Row {
    rows.iter().find(|row| row.mechanism == mechanism).expect("a row")
}

#[test]
fn every_mechanism_is_proven() {
    let house = House::new();
    let rows = doctor(&house.launch(), &house.state());
    for row in &rows {
        println!("{row:?}");
    }
    for mechanism in [
        "user namespace",
        "pid namespace",
        "overlay",
        "proc",
        "network namespace",
        "privileges",
        "seccomp",
        "freeze",
        "destroy",
    ] {
        assert!(find(&rows, mechanism).ok, "{:?}", find(&rows, mechanism));
    }
    // Held for the whole box, or not said to be.
    for mechanism in ["memory", "pids", "cpu"] {
        let row = find(&rows, mechanism);
        assert_eq!(row.ok, row.reason.starts_with("held"), "{row:?}");
    }
    assert_eq!(std::fs::read_dir(house.state()).expect("state").count(), 1, "its own is gone");
}

#[test]
fn levels_that_are_missing_say_so() {
    let house = House::new();
    let rows = doctor(&house.launch(), &house.state());
    let built = [
        (LevelName::Wasm, cfg!(feature = "wasm")),
        (LevelName::Microvm, cfg!(feature = "microvm")),
    ];
    for level in built.into_iter().filter(|(_, built)| !built).map(|(level, _)| level) {
        let row = rows.iter().find(|row| row.level == level).expect("a row");
        let feature = format!("built without the feature `{level}`");
        assert!(!row.ok && row.reason.contains(&feature), "{row:?}");
        let error = open(level, &house.launch(), &house.state()).err().expect("missing");
        assert!(matches!(error, Error::Missing { .. }), "{error}");
        assert!(error.to_string().contains(&feature), "{error}");
    }
    assert!(open(LevelName::Namespace, &house.launch(), &house.state()).is_ok());
}

#[test]
fn a_namespace_level_that_cannot_be_is_one_row_and_no_box() {
    let house = House::new();
    let rows = doctor(&Launch::Program("/usr/bin/true".into()), &house.state());
    let row = find(&rows, "box");
    assert!(!row.ok && row.reason.contains("spawner_main"), "{row:?}");
}
