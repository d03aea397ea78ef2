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
fn nothing_goes_while_somebody_writes() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let id = layer(&store, &["a"]);
    let mut writing = store.write().unwrap();
    let (hash, _) = writing.blob(&mut &b"new"[..], 100).unwrap();
    writing.settle().unwrap();
    let busy = store.sweep(|| Ok(BTreeSet::new())).unwrap_err();
    assert!(matches!(busy, Error::Busy(_)));
    drop(writing);
    let unreadable = store.sweep(|| Err(Error::Damaged("a root".to_owned())));
    assert!(matches!(unreadable, Err(Error::Damaged(_))));
    assert!(store.layer(id).is_ok() && store.blob(hash).is_ok());
    assert_eq!(store.sweep(|| Ok(BTreeSet::new())).unwrap().blobs, 2);
}

#[test]
fn a_root_that_is_not_there_does_not_keep_the_rest_from_going() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let (kept, _gone) = (layer(&store, &["a"]), layer(&store, &["b"]));
    let roots = BTreeSet::from([kept, LayerId::of(b"missing")]);
    let swept = store.sweep(|| Ok(roots)).unwrap();
    assert_eq!((swept.missing, swept.layers, swept.blobs), (1, 1, 1));
    assert!(store.layer(kept).is_ok());
}

#[test]
fn a_sweep_goes_on_after_what_cannot_be_removed() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    layer(&store, &["a", "b"]);
    // A blob that is a mount, say; here its folder's neighbour is no folder.
    std::fs::write(dir.path().join("blobs/zz"), "no folder").unwrap();
    assert!(store.sweep(|| Ok(BTreeSet::new())).is_err());
    std::fs::remove_file(dir.path().join("blobs/zz")).unwrap();
    assert_eq!(store.sweep(|| Ok(BTreeSet::new())).unwrap(), Swept::default(), "all went");
}
