//! Changes are those of the whole trees, and their layer makes them.

use super::*;
use crate::tree::stack;
use proptest::prelude::*;
use std::sync::Arc;

/// The same by comparing whole trees.
fn plain(before: &Stack, after: &Stack) -> BTreeMap<TreePath, Change> {
    let (before, after) = (before.flat(), after.flat());
    let paths: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let changes = paths.into_iter().map(|path| {
        let change = Change { before: before.get(path).cloned(), after: after.get(path).cloned() };
        (path.clone(), change)
    });
    changes.filter(|(_, change)| change.before != change.after).collect()
}

fn layers() -> impl Strategy<Value = Vec<Vec<(u8, u8)>>> {
    prop::collection::vec(prop::collection::vec((any::<u8>(), any::<u8>()), 0..8), 0..4)
}

proptest! {
    #[test]
    fn changes_are_those_of_the_whole_trees(base in layers(), one in layers(), other in layers()) {
        let before = stack(&[base.clone(), one].concat());
        let after = stack(&[base, other].concat());
        let changes = Changes::between(&before, &after);
        prop_assert_eq!(changes.by_path(), &plain(&before, &after));
    }

    #[test]
    fn a_layer_of_changes_makes_them(base in layers(), one in layers(), other in layers()) {
        let before = stack(&[base.clone(), one].concat());
        let after = stack(&[base, other].concat());
        let layer = Changes::between(&before, &after).layer(&before, &after).unwrap();
        let mut made = before.clone();
        made.push(layer.id(), Arc::new(layer));
        prop_assert_eq!(made.flat(), after.flat());
    }
}

#[test]
fn a_file_that_moved_is_a_rename_and_an_empty_one_is_not() {
    let path = |text: &str| TreePath::new(text).unwrap();
    let file =
        |text: &str, mode| Entry::file(BlobHash::of(text.as_bytes()), text.len() as u64, mode);
    let of = |entries: Vec<(TreePath, Entry)>| {
        let manifest = Arc::new(Manifest::new(entries.into_iter().collect()).unwrap());
        Stack::new(vec![(manifest.id(), manifest)])
    };
    let before = of(vec![
        (path("a"), file("x", 0o644)),
        (path("b"), file("x", 0o644)),
        (path("e"), file("", 0o644)),
    ]);
    let after = of(vec![(path("c"), file("x", 0o755)), (path("f"), file("", 0o644))]);
    let changes = Changes::between(&before, &after);
    assert_eq!(changes.renames(), [Rename { from: path("a"), to: path("c") }]);
    assert_eq!(changes.by_path().len(), 5);
}
