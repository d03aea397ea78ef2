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

#[test]
fn what_lies_under_a_box_has_no_setuid_and_is_nobody_elses() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let parts = ["blobs", "layers", "lower", "tmp"];
    for part in parts {
        // As an earlier version made them.
        std::fs::create_dir(dir.path().join(part)).unwrap();
        std::fs::set_permissions(dir.path().join(part), PermissionsExt::from_mode(0o755)).unwrap();
    }
    let store = Store::open(dir.path()).unwrap();
    let mut writing = store.write().unwrap();
    let (hash, size) = writing.blob(&mut &b"#!"[..], 100).unwrap();
    let path = |path: &str| TreePath::new(path).unwrap();
    let entries = [
        (path("su"), Entry::file(hash, size, 0o4755)),
        (path("wall"), Entry::file(hash, size, 0o2755)),
        (path("mail"), Entry::dir(0o2775)),
    ];
    let id = writing.layer(Manifest::new(entries.into_iter().collect()).unwrap()).unwrap();
    drop(writing);
    let lower = lower(&store, id).unwrap();
    let mode = |path: &Path| std::fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode(&lower.join("su")), mode(&lower.join("wall"))), (0o755, 0o755));
    assert_eq!((mode(&lower), mode(&lower.join("mail"))), (0o755, 0o2775));
    for part in parts {
        assert_eq!(mode(&dir.path().join(part)), 0o700, "{part}");
    }
    // The layer itself keeps them, for an image that goes elsewhere.
    let su = store.layer(id).unwrap().entries().get(&path("su")).cloned();
    assert_eq!(su, Some(Entry::file(hash, size, 0o4755)));
}
