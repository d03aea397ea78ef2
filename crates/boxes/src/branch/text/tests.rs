//! Only texts are merged, and never their modes.

use super::*;
use crate::path::TreePath;

#[test]
fn what_is_no_text_or_has_two_new_modes_is_left_to_people() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let mut writing = store.write().unwrap();
    let mut file = |bytes: &[u8], mode| {
        let (hash, size) = writing.blob(&mut &bytes[..], 1 << 20).unwrap();
        Some(Entry::file(hash, size, mode))
    };
    let (base, ours, theirs) = (
        file(b"1\n\n\n\n2\n", 0o644),
        file(b"one\n\n\n\n2\n", 0o755),
        file(b"1\n\n\n\ntwo\n", 0o644),
    );
    let (private, binary, removed) = (file(b"1\n\n\n\ntwo\n", 0o600), file(b"1\0", 0o644), None);
    writing.settle().unwrap();
    let mut of = |theirs: &Option<Entry>| {
        let path = TreePath::new("t").unwrap();
        let (base, ours, theirs) = (base.clone(), ours.clone(), theirs.clone());
        text_of(
            &store,
            merged(&Overlap { path, base, ours, theirs }, &mut writing).unwrap(),
            &mut writing,
        )
    };
    assert_eq!(of(&theirs), Some((0o755, "one\n\n\n\ntwo\n".to_owned())));
    assert_eq!(of(&private), None);
    assert_eq!(of(&binary), None);
    assert_eq!(of(&removed), None);
}

fn text_of(
    store: &Store,
    entry: Option<Entry>,
    writing: &mut Writing<'_>,
) -> Option<(u32, String)> {
    writing.settle().unwrap();
    match entry? {
        Entry::File { hash, mode, .. } => {
            Some((mode, String::from_utf8(store.blob(hash).unwrap()).unwrap()))
        }
        _ => None,
    }
}
