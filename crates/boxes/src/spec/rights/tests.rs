//! What may be written there.

use super::Rights;
use crate::spec::BoxSpec;
use std::path::Path;

fn read(text: &str) -> Result<BoxSpec, String> {
    let spec = BoxSpec::parse(text, Path::new("shop/box.toml"));
    spec.map_err(|error| error.to_string())
}

#[test]
fn a_box_says_to_whom_it_writes_and_what_it_hears() {
    let said = read(
        "[hub]\nsend = [\"orders/*\", \"refund/7\", \"box:db\", \"box:*\"]\nhear = [\"news.*\", \"box.db.>\"]\n",
    );
    let hub = said.unwrap().hub.unwrap();
    assert_eq!(hub.send, ["orders/*", "refund/7", "box:db", "box:*"]);
    assert_eq!(hub.hear, ["news.*", "box.db.>"]);
    assert_eq!(read("[hub]\n").unwrap().hub, Some(Rights::default()));
    assert_eq!(read("").unwrap().hub, None);
}

#[test]
fn what_cannot_be_is_told_with_its_place() {
    for (text, place, words) in [
        ("[hub]\nsnd = []\n", "2:1", "did you mean `send`"),
        ("hub = true\n", "1:7", "a table is wanted"),
        ("[hub]\nsend = \"a/b\"\n", "2:8", "a list is wanted"),
        ("[hub]\nsend = [\"a/b\", 3]\n", "2:16", "a text is wanted"),
        ("[hub]\nsend = [\"orders\"]\n", "2:9", "KIND/KEY"),
        ("[hub]\nsend = [\"owner\"]\n", "2:9", "always"),
        ("[hub]\nsend = [\"*/*\"]\n", "2:9", "KIND/*"),
        ("[hub]\nsend = [\"a/b*\"]\n", "2:9", "KIND/*"),
        ("[hub]\nsend = [\"box:Db\"]\n", "2:9", "box:NAME"),
        ("[hub]\nsend = [\"a/b\", \"a/b\"]\n", "2:16", "twice"),
        ("[hub]\nhear = [\"news..x\"]\n", "2:9", "empty segment"),
        ("[hub]\nhear = [\"ne*ws\"]\n", "2:9", "wildcard"),
    ] {
        let error = read(text).unwrap_err();
        assert!(error.contains(place) && error.contains(words), "{text}: {error}");
    }
}
