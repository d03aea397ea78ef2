//! The same tree is the same layer, and what cannot be one is refused.

use super::*;
use crate::layer::{check_out, lower};
use crate::store::Store;
use crate::tree::Stack;
use rustix::fs::{CWD, XattrFlags, mknodat};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::sync::Arc;

fn take(store: &Store, dir: &Path) -> Result<Manifest, Error> {
    let mut writing = store.write()?;
    let manifest = scan(dir, &Bounds::default(), &mut writing)?;
    writing.layer(manifest.clone())?;
    Ok(manifest)
}

fn fill(dir: &Path, names: &[&str]) {
    std::fs::create_dir(dir).unwrap();
    for name in names {
        let path = dir.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, name).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    }
    symlink("b/c", dir.join("link")).unwrap();
    let flags = XattrFlags::empty();
    rustix::fs::setxattr(dir.join("a"), "user.note", b"\0\xff", flags).unwrap();
}

#[test]
fn the_same_tree_has_the_same_id_and_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("store")).unwrap();
    fill(&dir.path().join("one"), &["a", "b/c", "b/d/e", "ä ö\n"]);
    // In another order, at another time.
    fill(&dir.path().join("two"), &["ä ö\n", "b/d/e", "b/c", "a"]);
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1);
    std::fs::File::open(dir.path().join("two/a")).unwrap().set_modified(time).unwrap();
    let one = take(&store, &dir.path().join("one")).unwrap();
    assert_eq!(one.encode(), take(&store, &dir.path().join("two")).unwrap().encode());
    assert_eq!(one.entries().len(), 7);

    let stack = Stack::new(vec![(one.id(), Arc::new(one.clone()))]);
    check_out(&store, &stack, &dir.path().join("three")).unwrap();
    assert_eq!(take(&store, &dir.path().join("three")).unwrap(), one);
    let lower = lower(&store, one.id()).unwrap();
    assert_eq!(take(&store, &lower).unwrap(), one);

    std::fs::set_permissions(dir.path().join("two/a"), std::fs::Permissions::from_mode(0o600))
        .unwrap();
    assert_ne!(one.id(), take(&store, &dir.path().join("two")).unwrap().id());
}

#[test]
fn what_is_no_file_folder_or_link_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("store")).unwrap();
    let tree = dir.path().join("tree");
    std::fs::create_dir(&tree).unwrap();
    let thing = tree.join("thing");
    type Make = fn(&Path);
    let make: [(&str, Make); 5] = [
        ("a socket", |path| drop(UnixListener::bind(path).unwrap())),
        ("a pipe", |path| mknodat(CWD, path, FileType::Fifo, Mode::from(0o600), 0).unwrap()),
        // The one device that anybody may make: overlayfs's whiteout.
        ("a device", |path| {
            mknodat(CWD, path, FileType::CharacterDevice, Mode::empty(), 0).unwrap()
        }),
        ("setuid", |path| {
            std::fs::write(path, "").unwrap();
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o4755)).unwrap();
        }),
        ("user.overlay.", |path| {
            std::fs::write(path, "").unwrap();
            rustix::fs::setxattr(path, "user.overlay.opaque", b"y", XattrFlags::empty()).unwrap();
        }),
    ];
    for (words, make) in make {
        make(&thing);
        let error = take(&store, &tree).unwrap_err().to_string();
        assert!(error.starts_with("thing") && error.contains(words), "{error}");
        std::fs::remove_file(&thing).unwrap();
    }
    assert!(take(&store, &tree).unwrap().entries().is_empty());
}

#[test]
fn links_are_kept_and_never_followed() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("store")).unwrap();
    let (tree, secret) = (dir.path().join("tree"), dir.path().join("secret"));
    std::fs::create_dir(&tree).unwrap();
    std::fs::create_dir(&secret).unwrap();
    std::fs::write(secret.join("key"), "1234").unwrap();
    symlink(&secret, tree.join("dir")).unwrap();
    symlink(secret.join("key"), tree.join("file")).unwrap();
    let manifest = take(&store, &tree).unwrap();
    assert_eq!(manifest.blobs().count(), 0);
    assert_eq!(manifest.entries().len(), 2);
}

#[test]
fn bounds_hold() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("store")).unwrap();
    let tree = dir.path().join("tree");
    std::fs::create_dir(&tree).unwrap();
    for name in ["a", "b", "c"] {
        std::fs::write(tree.join(name), [0; 10]).unwrap();
    }
    let mut writing = store.write().unwrap();
    let all = Bounds { entries_max: 3, file_bytes_max: 10, total_bytes_max: 30, setuid: false };
    scan(&tree, &all, &mut writing).unwrap();
    for less in [
        Bounds { entries_max: 2, ..all },
        Bounds { file_bytes_max: 9, ..all },
        Bounds { total_bytes_max: 29, ..all },
    ] {
        assert!(matches!(scan(&tree, &less, &mut writing), Err(Error::Refused { .. })), "{less:?}");
    }
}

#[test]
fn an_upper_folder_of_overlayfs_is_read_as_it_means() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("store")).unwrap();
    let upper = dir.path().join("upper");
    std::fs::create_dir_all(upper.join("made")).unwrap();
    let set = |path: &str, name: &str, value: &[u8]| {
        rustix::fs::setxattr(upper.join(path), name, value, XattrFlags::empty()).unwrap();
    };
    set("made", "user.overlay.opaque", b"y");
    set("made", "user.overlay.origin", b"\0");
    let device = FileType::CharacterDevice;
    mknodat(CWD, upper.join("gone"), device, Mode::empty(), 0).unwrap();
    let mut writing = store.write().unwrap();
    let manifest = scan_upper(&upper, &Bounds::default(), &mut writing).unwrap();
    let found: Vec<_> = manifest.entries().values().cloned().collect();
    let made = Entry::Dir { mode: 0o755, opaque: true, xattrs: Xattrs::new() };
    assert_eq!(found, [Entry::Tombstone, made]);
    // Written out as a lower folder it means the same again.
    let id = writing.layer(manifest.clone()).unwrap();
    let again = lower(&store, id).unwrap();
    assert_eq!(scan_upper(&again, &Bounds::default(), &mut writing).unwrap(), manifest);

    set("made", "user.overlay.redirect", b"/etc");
    let error = scan_upper(&upper, &Bounds::default(), &mut writing).unwrap_err().to_string();
    assert!(error.contains("redirect"), "{error}");
}

#[test]
fn of_a_box_that_ran_sockets_and_pipes_are_left_out_and_hide_what_is_below() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("store")).unwrap();
    let upper = dir.path().join("upper");
    std::fs::create_dir_all(&upper).unwrap();
    let _socket = UnixListener::bind(upper.join("s")).unwrap();
    mknodat(CWD, upper.join("p"), FileType::Fifo, Mode::from(0o600), 0).unwrap();
    std::fs::write(upper.join("su"), "x").unwrap();
    rustix::fs::chmod(upper.join("su"), Mode::from(0o4755)).unwrap();
    let mut writing = store.write().unwrap();
    let bounds = Bounds::default();
    let refused = scan_upper(&upper, &bounds, &mut writing).unwrap_err();
    assert!(matches!(refused, Error::Refused { .. }), "{refused}");
    let (manifest, omitted) =
        scan_running(&upper, &bounds, &mut writing, &mut Known::default()).unwrap();
    let mut told: Vec<_> = omitted.iter().map(|one| (one.path.as_str(), one.what)).collect();
    told.sort_unstable();
    let right = "the right to run as its owner or group";
    assert_eq!(told, [("p", "a pipe"), ("s", "a socket"), ("su", right)]);
    let entries: Vec<_> = manifest.entries().values().cloned().collect();
    assert_eq!(entries[..2], [Entry::Tombstone, Entry::Tombstone]);
    assert!(matches!(entries[2], Entry::File { mode: 0o755, .. }), "{:?}", entries[2]);
}
