//! A copy that is ended leaves whole files, and none beside them.

use super::*;

#[test]
fn an_interrupted_copy_leaves_whole_files_only() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("store")).unwrap();
    let mut writing = store.write().unwrap();
    let bytes = vec![7_u8; 1 << 20];
    let (hash, size) = writing.blob(&mut &bytes[..], 1 << 20).unwrap();
    writing.settle().unwrap();
    let names = ["a", "b", "c"].map(|name| TreePath::new(name).unwrap());
    let entries = names.map(|name| (name, Entry::file(hash, size, 0o644))).into();
    let to = dir.path().join("to");
    std::fs::create_dir(&to).unwrap();
    std::fs::write(to.join("b"), "before").unwrap();
    let root = rustix::fs::open(&to, FOLDER, Mode::empty()).unwrap();
    let names = || -> BTreeSet<_> {
        std::fs::read_dir(&to).unwrap().map(|one| one.unwrap().file_name()).collect()
    };
    // A kill leaves what is there now: nothing that has no name yet, where files can be without.
    let nameless = rustix::fs::openat(&root, ".", OFlags::TMPFILE | OFlags::WRONLY, Mode::empty());
    let mut halves = Vec::new();
    // In the middle of the second file.
    let mut go_on = |copied: &Copied| {
        halves.extend(names().into_iter().filter(|name| name != "a" && name != "b"));
        copied.bytes < (3 << 20) / 2
    };
    let mut copying = Copying::new(&mut go_on);
    let error = write_into(&store, &root, &entries, &mut copying).unwrap_err().to_string();
    assert_eq!(error, "copy b: it was interrupted");
    assert_eq!(copying.copied.files, 1);
    assert!(std::fs::read(to.join("a")).unwrap() == bytes);
    assert_eq!(std::fs::read_to_string(to.join("b")).unwrap(), "before");
    assert_eq!(names().len(), 2);
    assert!(nameless.is_err() || halves.is_empty(), "{halves:?}");
}

#[test]
fn more_than_may_be_taken_in_is_refused_before_anything_is_written() {
    let hash = crate::hash::BlobHash::of(b"x");
    let names = (0..5).map(|number| TreePath::new(number.to_string()).unwrap());
    let entries = names.map(|name| (name, Entry::file(hash, 4 << 30, 0o644))).collect();
    let target = Target::new(std::path::Path::new("/"), None, None).unwrap();
    let refused = sifted(entries, &target, false, &mut Copied::default()).unwrap_err();
    assert!(refused.to_string().contains("there is room for"), "{refused}");
}
