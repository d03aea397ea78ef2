//! A tree is written out whole or not at all.

use super::*;
use crate::hash::BlobHash;
use crate::tree::Manifest;
use std::sync::Arc;

fn stack(entries: &[(&str, Entry)]) -> Stack {
    let entries =
        entries.iter().map(|(path, entry)| (TreePath::new(*path).unwrap(), entry.clone()));
    let manifest = Arc::new(Manifest::with_folders(entries.collect()).unwrap());
    Stack::new(vec![(manifest.id(), manifest)])
}

#[test]
fn what_is_there_is_not_touched_and_a_missing_blob_leaves_no_folder() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("store")).unwrap();
    let to = dir.path().join("out");
    let missing = stack(&[("a/b", Entry::file(BlobHash::of(b"x"), 1, 0o644))]);
    assert!(matches!(check_out(&store, &missing, &to), Err(Error::Missing(_))));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    std::fs::create_dir(&to).unwrap();
    assert!(matches!(check_out(&store, &stack(&[]), &to), Err(Error::Busy(_))));
}

#[test]
fn a_folder_that_nobody_may_write_to_is_filled_first() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("store")).unwrap();
    let tree = [
        ("d", Entry::dir(0o555)),
        ("d/e", Entry::dir(0o500)),
        ("d/e/link", Entry::Symlink { target: "/nowhere".into() }),
    ];
    let to = dir.path().join("out");
    check_out(&store, &stack(&tree), &to).unwrap();
    let metadata = std::fs::metadata(to.join("d")).unwrap();
    use std::os::unix::fs::MetadataExt;
    assert_eq!((metadata.mode() & 0o7777, metadata.mtime()), (0o555, CHANGED_SECONDS));
    assert_eq!(std::fs::read_link(to.join("d/e/link")).unwrap(), Path::new("/nowhere"));
}
