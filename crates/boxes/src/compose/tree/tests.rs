//! Layers go together where they agree.

use super::*;
use crate::hash::BlobHash;

fn path(text: &str) -> TreePath {
    TreePath::new(text).unwrap()
}

fn layer(entries: &[(&str, &str)]) -> Manifest {
    let entry = |text: &str| match text {
        "-" => Entry::Tombstone,
        "/" => Entry::dir(0o700),
        text => Entry::file(BlobHash::of(text.as_bytes()), 1, 0o644),
    };
    let entries = entries.iter().map(|(at, text)| (path(at), entry(text)));
    Manifest::with_folders(entries.collect()).unwrap()
}

fn two(a: &[(&str, &str)], b: &[(&str, &str)], over: &[&str]) -> Result<Manifest, Error> {
    let (a, b) = (layer(a), layer(b));
    let parts = [Part { name: "a", manifest: &a }, Part { name: "b", manifest: &b }];
    unite(&parts, &over.iter().map(|at| path(at)).collect())
}

#[test]
fn the_same_is_no_conflict_and_the_order_does_not_matter() {
    let (a, b) = ([("d/x", "1"), ("y", "2")], [("d/z", "3"), ("y", "2")]);
    let both = two(&a, &b, &[]).unwrap();
    assert_eq!(both.entries().len(), 4);
    assert_eq!(both.id(), two(&b, &a, &[]).unwrap().id());
}

#[test]
fn where_two_differ_both_are_named() {
    for (a, b, at) in [
        ([("x", "1")], [("x", "2")], "x"),
        ([("x", "1")], [("x", "/")], "x"),
        ([("x", "1")], [("x/y", "2")], "x"),
        ([("x/y", "1")], [("x", "-")], "x"),
        ([("x", "/")], [("x/y", "2")], "x"),
    ] {
        let error = two(&a, &b, &[]).unwrap_err().to_string();
        assert!(error.starts_with(&format!("`a` and `b` differ about the file `{at}`")), "{error}");
    }
    let decided = two(&[("x", "1")], &[("x", "2")], &["x"]).unwrap();
    assert_eq!(decided, layer(&[("x", "2")]));
    let replaced = two(&[("x/y", "1"), ("x/z", "1")], &[("x", "2")], &["x"]).unwrap();
    assert_eq!(replaced, layer(&[("x", "2")]));
}
