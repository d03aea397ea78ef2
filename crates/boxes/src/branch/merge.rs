//! Two sets of changes to the same tree: where they are about the same. Pure.

use crate::path::TreePath;
use crate::tree::{Change, Changes, Entry, Overlap};
use std::collections::BTreeMap;

#[cfg(test)]
mod tests;

/// Where two sides overlap, in the order of paths. The same change on both sides is no
/// overlap. A folder that one side removed, or replaced by something else, overlaps with
/// all that the other has written in it. Whatever `ours` has made of a path is among them if
/// it would be lost with all of `theirs` on top.
pub fn overlaps(ours: &Changes, theirs: &Changes) -> Vec<Overlap> {
    let mut found = BTreeMap::new();
    for (path, their) in theirs.by_path() {
        if let Some(our) = ours.by_path().get(path)
            && our.after != their.after
        {
            let (base, ours, theirs) = (our.before.clone(), our.after.clone(), their.after.clone());
            found.insert(path.clone(), Overlap { path: path.clone(), base, ours, theirs });
        }
    }
    for (folder, _) in without_folder(theirs) {
        for (path, written) in written_below(ours, folder) {
            let overlap = Overlap { path: path.clone(), base: None, ours: written, theirs: None };
            found.entry(path.clone()).or_insert(overlap);
        }
    }
    let was_folder = |change: &Change| change.before.as_ref().is_some_and(Entry::is_dir);
    for (folder, our) in without_folder(ours).filter(|(_, change)| was_folder(change)) {
        for (path, written) in written_below(theirs, folder) {
            let overlap = Overlap { path: path.clone(), base: None, ours: None, theirs: written };
            found.entry(path.clone()).or_insert(overlap);
            // They wrote in it, so they have it still: as it was, or else found above.
            found.entry(folder.clone()).or_insert_with(|| {
                let (base, ours) = (our.before.clone(), our.after.clone());
                Overlap { path: folder.clone(), theirs: base.clone(), base, ours }
            });
        }
    }
    found.into_values().collect()
}

/// Where a side has no folder: what was in one by its path is gone.
fn without_folder(changes: &Changes) -> impl Iterator<Item = (&TreePath, &Change)> {
    let is_folder = |change: &Change| change.after.as_ref().is_some_and(Entry::is_dir);
    changes.by_path().iter().filter(move |(_, change)| !is_folder(change))
}

/// What a side has written below a path. What was there before is a change of the other
/// side's too, and found by its path.
fn written_below<'c>(
    changes: &'c Changes,
    folder: &TreePath,
) -> impl Iterator<Item = (&'c TreePath, Option<Entry>)> + use<'c> {
    let written = changes.below(folder).filter(|(_, change)| change.after.is_some());
    written.map(|(path, change)| (path, change.after.clone()))
}
