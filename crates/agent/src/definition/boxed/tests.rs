//! What may stand in a definition's `box`.

use super::{BoxUse, Snapshots};
use serde_json::{Value, json};

fn read(value: Value) -> Result<BoxUse, String> {
    serde_json::from_value(value).map_err(|error| error.to_string())
}

#[test]
fn a_name_is_enough_and_the_rest_can_be_said() {
    let plain = read(json!("coffee")).unwrap();
    assert_eq!((plain.name.as_str(), plain.dir.as_str()), ("coffee", "/"));
    assert_eq!(plain.snapshots, Snapshots::Each);
    let full = read(json!({ "name": "a", "dir": "/desk", "snapshots": "never" })).unwrap();
    assert_eq!((full.dir.as_str(), full.snapshots), ("/desk", Snapshots::Never));
    assert_eq!(read(json!(full)).unwrap(), full);
}

#[test]
fn what_cannot_be_is_told() {
    for (value, words) in [
        (json!(3), "is no box"),
        (json!(""), "is no name"),
        (json!("../etc"), "is no name"),
        (json!("/etc"), "is no name"),
        (json!({ "name": "a", "dirs": "/" }), "no field `dirs`"),
        (json!({ "name": "a", "dir": "work" }), "absolute path"),
        (json!({ "name": "a", "dir": 3 }), "is no text"),
        (json!({ "name": "a", "snapshots": "often" }), "`each` and `never`"),
    ] {
        let told = read(value.clone()).unwrap_err();
        assert!(told.contains(words), "{value}: {told}");
    }
}
