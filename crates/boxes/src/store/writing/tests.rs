//! Blobs are there once, whole, and nothing stays beside them.

use super::*;

fn count(dir: &Path) -> usize {
    std::fs::read_dir(dir).unwrap().count()
}

#[test]
fn the_same_bytes_are_kept_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let mut writing = store.write().unwrap();
    let one = writing.blob(&mut &b"x"[..], 10).unwrap();
    assert_eq!(writing.blob(&mut &b"x"[..], 10).unwrap(), one);
    writing.settle().unwrap();
    assert_eq!(writing.blob(&mut &b"x"[..], 10).unwrap(), one);
    assert_eq!(count(&dir.path().join("tmp")), 0);
    // More than what is synced file by file.
    for number in 0..40_u8 {
        writing.blob(&mut &[number; 3][..], 10).unwrap();
    }
    writing.settle().unwrap();
    assert_eq!(store.blob(BlobHash::of(&[7; 3])).unwrap(), [7; 3]);
    assert_eq!(count(&dir.path().join("tmp")), 0);
}

#[test]
fn what_is_too_large_or_not_wanted_any_more_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let mut writing = store.write().unwrap();
    let error = writing.blob(&mut &[0; 11][..], 10).unwrap_err();
    assert!(error.to_string().contains("more than the 10 bytes"), "{error}");
    writing.blob(&mut &[0; 10][..], 10).unwrap();
    assert_eq!(count(&dir.path().join("tmp")), 1);
    drop(writing);
    assert_eq!(count(&dir.path().join("tmp")), 0);
}
