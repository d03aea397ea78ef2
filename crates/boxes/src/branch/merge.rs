//! Two sets of changes to the same tree: where they are about the same. Pure.

use crate::path::TreePath;
use crate::tree::{Changes, Entry, Overlap};
use std::collections::BTreeMap;

#[cfg(test)]
mod tests;

/// Where two sides overlap, in the order of paths. The same change on both sides is no
/// overlap. A folder that one side removed, or replaced by something else, overlaps with
/// all that the other has written in it.
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
    for (path, written) in written_in_removed(theirs, ours) {
        let overlap = Overlap { path: path.clone(), base: None, ours: Some(written), theirs: None };
        found.entry(path).or_insert(overlap);
    }
    for (path, written) in written_in_removed(ours, theirs) {
        let overlap = Overlap { path: path.clone(), base: None, ours: None, theirs: Some(written) };
        found.entry(path).or_insert(overlap);
    }
    found.into_values().collect()
}

/// What one side has written in folders that the other has no longer. What was there
/// before is a change of the other side's too, and found by its path.
fn written_in_removed<'c>(
    removing: &'c Changes,
    writing: &'c Changes,
) -> impl Iterator<Item = (TreePath, Entry)> + 'c {
    let removed = removing.by_path().iter().filter(|(_, change)| {
        let was = change.before.as_ref().is_some_and(Entry::is_dir);
        was && !change.after.as_ref().is_some_and(Entry::is_dir)
    });
    removed.flat_map(|(folder, _)| {
        let written = writing.below(folder);
        written.filter_map(|(path, change)| Some((path.clone(), change.after.clone()?)))
    })
}
