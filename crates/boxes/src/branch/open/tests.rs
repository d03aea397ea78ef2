//! Heads are made, listed, discarded, and keep their layers.

use super::*;
use crate::branch::{Mode, Terms};
use crate::path::TreePath;
use crate::tree::{Entry, Manifest, Plant, Planted};
use std::collections::BTreeMap;

fn layer(writing: &mut Writing<'_>, at: &str) -> Manifest {
    let (hash, size) = writing.blob(&mut at.as_bytes(), 100).unwrap();
    let entries = BTreeMap::from([(TreePath::new(at).unwrap(), Entry::file(hash, size, 0o644))]);
    Manifest::with_folders(entries).unwrap()
}

fn house(dir: &Path) -> Branches {
    let boxes = Branches::open(dir).unwrap();
    let mut writing = boxes.store().write().unwrap();
    let manifest = layer(&mut writing, "a");
    let id = writing.layer(manifest).unwrap();
    boxes.found(&writing, "main", &[id]).unwrap();
    drop(writing);
    boxes
}

#[test]
fn names_and_states_are_checked() {
    let dir = tempfile::tempdir().unwrap();
    let boxes = house(dir.path());
    boxes.branch("main", "fix/1").unwrap();
    for (parent, name, words) in [
        ("main", "fix/1", "open branch already"),
        ("main", "a b", "is no name"),
        ("main", "", "is no name"),
        ("nowhere", "x", "there is no branch `nowhere`"),
    ] {
        let error = boxes.branch(parent, name).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    boxes.branch("fix/1", "fix/2").unwrap();
    assert_eq!(boxes.discard("fix/1").unwrap(), 2);
    assert!(boxes.discard("fix/2").unwrap_err().to_string().contains("was discarded"));
    assert!(boxes.branch("fix/1", "x").unwrap_err().to_string().contains("was discarded"));
    // The name is free again.
    boxes.branch("main", "fix/1").unwrap();
    assert_eq!(boxes.list().unwrap().len(), 2);
    let missing = boxes.found(&boxes.store().write().unwrap(), "x", &[LayerId::of(b"no")]);
    assert!(matches!(missing, Err(Error::Missing(_))));
}

#[test]
fn what_open_heads_need_stays() {
    let dir = tempfile::tempdir().unwrap();
    let boxes = house(dir.path());
    for (name, file) in [("kept", "k"), ("gone", "g")] {
        boxes.branch("main", name).unwrap();
        let mut writing = boxes.store().write().unwrap();
        let manifest = layer(&mut writing, file);
        boxes.seal(&mut writing, name, manifest).unwrap();
    }
    boxes.discard("gone").unwrap();
    let swept = boxes.sweep(&BTreeSet::new()).unwrap();
    assert_eq!((swept.layers, swept.blobs), (1, 1));
    boxes.commit("kept", Terms { mode: Mode::FirstWins, merge_text: false }).unwrap();
    assert_eq!(boxes.sweep(&BTreeSet::new()).unwrap(), Swept::default());
    let head = Branches::open(dir.path()).unwrap().head("main").unwrap();
    for manifest in boxes.store().stack(&head.stack).unwrap().manifests() {
        manifest.blobs().for_each(|(hash, _)| drop(boxes.store().blob(hash).unwrap()));
    }
}

#[test]
fn a_seal_keeps_only_what_is_new_and_tells_what_was_planted() {
    let dir = tempfile::tempdir().unwrap();
    let boxes = house(dir.path());
    boxes.branch("main", "b").unwrap();
    let mut writing = boxes.store().write().unwrap();
    let same = layer(&mut writing, "a");
    let sealed = boxes.seal(&mut writing, "b", same).unwrap();
    assert!(sealed.changes.is_empty() && sealed.head.stack.len() == 1);
    let hook = layer(&mut writing, ".git/hooks/pre-commit");
    let sealed = boxes.seal(&mut writing, "b", hook).unwrap();
    let path = TreePath::new(".git/hooks/pre-commit").unwrap();
    let planted = [Planted { path, plant: Plant::GitHook }];
    assert_eq!((&sealed.planted()[..], sealed.head.stack.len()), (&planted[..], 2));
    assert_eq!(boxes.diff("b").unwrap().planted, planted);
    drop(writing);
    let committed = boxes.commit("b", Terms::default()).unwrap();
    assert_eq!(committed.planted, planted);
}
