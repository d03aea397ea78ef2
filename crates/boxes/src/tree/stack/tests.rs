//! What is seen from above is the same by path and as a whole.

use super::*;
use crate::hash::BlobHash;
use proptest::prelude::*;

fn path(text: &str) -> TreePath {
    TreePath::new(text).unwrap()
}

fn entry(choice: u8) -> Entry {
    match choice % 6 {
        0 => Entry::Tombstone,
        1 => Entry::Dir { mode: 0o755, opaque: true, xattrs: BTreeMap::new() },
        2 => Entry::dir(0o700),
        3 => Entry::Symlink { target: "a".into() },
        other => Entry::file(BlobHash::of(&[other]), 1, 0o644),
    }
}

/// A manifest of what of these entries stands in folders.
pub fn layer(choices: &[(u8, u8)]) -> Manifest {
    const PATHS: [&str; 9] = ["a", "a/b", "a/b/c", "a/b/d", "a/e", "a-b", "f", "f/g", "f/g/h"];
    let mut entries = BTreeMap::new();
    for (place, choice) in choices {
        entries.insert(path(PATHS[usize::from(*place) % PATHS.len()]), entry(*choice));
    }
    let all = entries.clone();
    entries.retain(|path: &TreePath, _| {
        !path.ancestors().any(|folder| all.get(folder).is_some_and(|entry| !entry.is_dir()))
    });
    Manifest::with_folders(entries).unwrap()
}

pub fn stack(layers: &[Vec<(u8, u8)>]) -> Stack {
    let layers = layers.iter().map(|choices| Arc::new(layer(choices)));
    Stack::new(layers.map(|manifest| (manifest.id(), manifest)).collect())
}

proptest! {
    #[test]
    fn a_path_is_seen_as_in_the_whole(
        layers in prop::collection::vec(prop::collection::vec((any::<u8>(), any::<u8>()), 0..8), 0..5)
    ) {
        let stack = stack(&layers);
        let flat = stack.flat();
        let named = stack.manifests().flat_map(|manifest| manifest.entries().keys());
        for path in named {
            prop_assert_eq!(stack.get(path).map(Entry::seen), flat.get(path).cloned(), "{}", path);
        }
        // A whole tree is a manifest: each folder is there.
        prop_assert!(Manifest::new(flat).is_ok());
    }
}

#[test]
fn a_file_over_a_folder_hides_it_and_a_folder_over_a_file_is_empty() {
    let file = Entry::file(BlobHash::of(b"x"), 1, 0o644);
    let of = |entries: &[(&str, Entry)]| {
        let entries = entries.iter().map(|(at, entry)| (path(at), entry.clone())).collect();
        let manifest = Arc::new(Manifest::new(entries).unwrap());
        (manifest.id(), manifest)
    };
    let low = of(&[("d", Entry::dir(0o755)), ("d/x", file.clone())]);
    let middle = of(&[("d", file.clone())]);
    let high = of(&[("d", Entry::dir(0o700))]);
    let two = Stack::new(vec![low.clone(), middle.clone()]);
    assert_eq!((two.get(&path("d")), two.get(&path("d/x"))), (Some(&file), None));
    let three = Stack::new(vec![low, middle, high]);
    assert_eq!(three.get(&path("d/x")), None);
    assert_eq!(three.flat().len(), 1);
}
