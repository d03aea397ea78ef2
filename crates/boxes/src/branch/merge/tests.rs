//! Overlaps and what is made of them, against a model: two maps of paths merged path by
//! path, where the result must be a tree.

use super::*;
use crate::tree::{Manifest, Stack, stack};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::Arc;

type Tree = BTreeMap<TreePath, Entry>;

/// The merge of the model, or `None` where the sides are in conflict.
fn model(base: &Tree, ours: &Tree, theirs: &Tree) -> Option<Tree> {
    let mut merged = Tree::new();
    let paths: BTreeSet<_> = base.keys().chain(ours.keys()).chain(theirs.keys()).collect();
    for path in paths {
        let (base, our, their) = (base.get(path), ours.get(path), theirs.get(path));
        let taken = if base == our || our == their {
            their
        } else if base == their {
            our
        } else {
            return None;
        };
        if let Some(entry) = taken {
            merged.insert(path.clone(), entry.clone());
        }
    }
    Some(merged)
}

/// Ours with all that theirs has changed: what it removed is gone with what is in it, and what
/// it wrote has its folders.
fn forced(base: &Tree, ours: &Tree, theirs: &Tree) -> Tree {
    let mut merged = ours.clone();
    let paths: BTreeSet<_> = base.keys().chain(theirs.keys()).collect();
    let changed: Vec<_> =
        paths.into_iter().filter(|path| base.get(*path) != theirs.get(*path)).collect();
    for path in &changed {
        if !theirs.get(*path).is_some_and(Entry::is_dir) {
            merged.retain(|other, _| other != *path && !other.is_below(path));
        }
    }
    for path in changed {
        let Some(entry) = theirs.get(path) else { continue };
        for folder in path.ancestors().map(|folder| TreePath::new(folder).unwrap()) {
            if !merged.get(&folder).is_some_and(Entry::is_dir) {
                merged.insert(folder.clone(), theirs[&folder].clone());
            }
        }
        merged.insert(path.clone(), entry.clone());
    }
    merged
}

fn is_tree(tree: &Tree) -> bool {
    Manifest::new(tree.clone()).is_ok()
}

fn applied(base: &Stack, ours: &Stack, theirs: &Stack) -> Tree {
    let layer = Changes::between(base, theirs).layer(ours, theirs).unwrap();
    let mut merged = ours.clone();
    merged.push(layer.id(), Arc::new(layer));
    merged.flat()
}

fn layers() -> impl Strategy<Value = Vec<Vec<(u8, u8)>>> {
    prop::collection::vec(prop::collection::vec((any::<u8>(), any::<u8>()), 0..5), 0..3)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn sides_overlap_exactly_where_the_model_has_no_merge(
        base in layers(), ours in layers(), theirs in layers()
    ) {
        let (ours, theirs) = ([base.clone(), ours].concat(), [base.clone(), theirs].concat());
        let (base, ours, theirs) = (stack(&base), stack(&ours), stack(&theirs));
        let found = overlaps(&Changes::between(&base, &ours), &Changes::between(&base, &theirs));
        let flat = (base.flat(), ours.flat(), theirs.flat());
        let merged = model(&flat.0, &flat.1, &flat.2).filter(is_tree);
        prop_assert_eq!(merged.is_some(), found.is_empty(), "{:?}", found);
        for overlap in &found {
            prop_assert_eq!(&overlap.base, &flat.0.get(&overlap.path).cloned());
            prop_assert_eq!(&overlap.ours, &flat.1.get(&overlap.path).cloned());
            prop_assert_eq!(&overlap.theirs, &flat.2.get(&overlap.path).cloned());
        }
        if let Some(merged) = merged {
            prop_assert_eq!(applied(&base, &ours, &theirs), merged);
        }
    }

    #[test]
    fn by_force_theirs_is_there_and_the_rest_of_ours(
        base in layers(), ours in layers(), theirs in layers()
    ) {
        let (ours, theirs) = ([base.clone(), ours].concat(), [base.clone(), theirs].concat());
        let (base, ours, theirs) = (stack(&base), stack(&ours), stack(&theirs));
        let found = overlaps(&Changes::between(&base, &ours), &Changes::between(&base, &theirs));
        let found: BTreeSet<_> = found.into_iter().map(|overlap| overlap.path).collect();
        let result = applied(&base, &ours, &theirs);
        prop_assert!(is_tree(&result));
        let (base, ours, theirs) = (base.flat(), ours.flat(), theirs.flat());
        prop_assert_eq!(&result, &forced(&base, &ours, &theirs));
        // Nothing that ours has made of a path is lost without a word.
        for path in base.keys().chain(ours.keys()) {
            let (was, our, is) = (base.get(path), ours.get(path), result.get(path));
            prop_assert!(was == our || our == is || found.contains(path), "{}", path);
        }
    }
}
