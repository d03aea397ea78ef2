//! What a root needs stays, all else goes, and never under the hands of a writer.

use super::*;
use crate::path::TreePath;
use crate::tree::{Entry, Manifest};
use std::collections::BTreeMap;

fn layer(store: &Store, texts: &[&str]) -> LayerId {
    let mut writing = store.write().unwrap();
    let mut entries = BTreeMap::new();
    for text in texts {
        let (hash, size) = writing.blob(&mut text.as_bytes(), 100).unwrap();
        entries.insert(TreePath::new(*text).unwrap(), Entry::file(hash, size, 0o644));
    }
    writing.layer(Manifest::new(entries).unwrap()).unwrap()
}

#[test]
fn what_no_root_needs_goes() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let kept = layer(&store, &["a", "b"]);
    let gone = layer(&store, &["b", "c"]);
    std::fs::write(dir.path().join("tmp/1-1"), "left by a crash").unwrap();
    let swept = store.sweep(|| Ok(BTreeSet::from([kept]))).unwrap();
    assert_eq!((swept.layers, swept.blobs, swept.bytes), (1, 1, 1));
    assert_eq!(std::fs::read_dir(dir.path().join("tmp")).unwrap().count(), 0);
    assert!(matches!(store.layer(gone), Err(Error::Missing(_))));
    assert_eq!(store.blob(BlobHash::of(b"b")).unwrap(), b"b");
    assert_eq!(store.sweep(|| Ok(BTreeSet::from([kept]))).unwrap(), Swept::default());
}

#[test]
fn nothing_goes_while_somebody_writes_or_if_a_root_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let id = layer(&store, &["a"]);
    let mut writing = store.write().unwrap();
    let (hash, _) = writing.blob(&mut &b"new"[..], 100).unwrap();
    writing.settle().unwrap();
    let busy = store.sweep(|| Ok(BTreeSet::new())).unwrap_err();
    assert!(matches!(busy, Error::Busy(_)));
    drop(writing);
    let missing = BTreeSet::from([LayerId::of(b"missing")]);
    assert!(matches!(store.sweep(|| Ok(missing)), Err(Error::Missing(_))));
    assert!(store.layer(id).is_ok() && store.blob(hash).is_ok());
    assert_eq!(store.sweep(|| Ok(BTreeSet::new())).unwrap().blobs, 2);
}
