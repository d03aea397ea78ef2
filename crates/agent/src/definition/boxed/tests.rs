//! What may stand in a definition's `box`.

use super::{BoxUse, Snapshots};
use greenroom_boxes::hub::Rights;
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
    assert_eq!((plain.hub, full.hub), (None, None));
    let hub = json!({ "send": ["orders/*"], "hear": ["news.>"] });
    let narrow = read(json!({ "name": "a", "hub": hub })).unwrap();
    assert_eq!(json!(narrow.hub), hub);
    assert_eq!(read(json!(narrow)).unwrap(), narrow);
    assert_eq!(read(json!({ "name": "a", "hub": {} })).unwrap().hub, Some(Rights::default()));
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
        (json!({ "name": "a", "hub": { "sent": [] } }), "unknown field `sent`"),
        (json!({ "name": "a", "hub": true }), "box.hub"),
        (json!({ "name": "a", "hub": { "send": ["orders"] } }), "KIND/KEY"),
        (json!({ "name": "a", "hub": { "hear": ["a..b"] } }), "empty segment"),
    ] {
        let told = read(value.clone()).unwrap_err();
        assert!(told.contains(words), "{value}: {told}");
    }
}
