//! What is read is what was written, or an error.

use super::*;
use crate::path::TreePath;
use crate::tree::Entry;

#[test]
fn damage_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let mut writing = store.write().unwrap();
    let (hash, size) = writing.blob(&mut &b"latte"[..], 100).unwrap();
    let entries =
        BTreeMap::from([(TreePath::new("menu").unwrap(), Entry::file(hash, size, 0o644))]);
    let id = writing.layer(Manifest::new(entries).unwrap()).unwrap();
    assert_eq!(store.blob(hash).unwrap(), b"latte");

    std::fs::write(store.blob_path(hash), b"mocha").unwrap();
    assert!(matches!(store.blob(hash), Err(Error::Damaged(_))));
    std::fs::write(store.layer_path(id), b"{}").unwrap();
    let again = Store::open(dir.path()).unwrap();
    assert!(matches!(again.layer(id), Err(Error::Damaged(_))));
    let missing = again.blob(BlobHash::of(b"tea")).unwrap_err();
    assert!(missing.to_string().starts_with("there is no blob"), "{missing}");
}
