//! What differs between two stacks, path by path.

use super::entry::Entry;
use super::manifest::Manifest;
use super::stack::{Said, Stack};
use crate::error::Error;
use crate::hash::BlobHash;
use crate::path::TreePath;
use std::collections::{BTreeMap, BTreeSet};

#[cfg(test)]
mod tests;

/// What was at a path and what is. They look different.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What was there.
    pub before: Option<Entry>,
    /// What is there.
    pub after: Option<Entry>,
}

/// All that differs, by path. Found from the layers that are not shared, so its cost is
/// that of what was changed and not of the tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    by_path: BTreeMap<TreePath, Change>,
}

/// A file that went elsewhere with its content. A guess for people, made of a removal and
/// an addition, which it does not replace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rename {
    /// Where it was.
    pub from: TreePath,
    /// Where it is.
    pub to: TreePath,
}

impl Changes {
    /// From one stack to another.
    #[must_use]
    pub fn between(before: &Stack, after: &Stack) -> Changes {
        let shared = before.shared(after);
        let (common, old) = before.split(shared);
        let (_, new) = after.split(shared);
        let mut touched: BTreeSet<&TreePath> = BTreeSet::new();
        for manifest in old.manifests().chain(new.manifests()) {
            for (path, entry) in manifest.entries() {
                touched.insert(path);
                // It may hide what is below it in the layers that are shared.
                if !matches!(entry, Entry::Dir { opaque: false, .. }) {
                    touched.extend(common.seen_below(path));
                }
            }
        }
        let mut by_path = BTreeMap::new();
        for path in touched {
            // What both share is asked once: it may be many layers.
            let (mut was, mut is) = (old.said(path), new.said(path));
            if matches!(was, Said::Nothing) || matches!(is, Said::Nothing) {
                let below = common.said(path);
                was = if matches!(was, Said::Nothing) { below } else { was };
                is = if matches!(is, Said::Nothing) { below } else { is };
            }
            let (was, is) = (was.here(), is.here());
            let same = match (was, is) {
                (Some(was), Some(is)) => was.looks_like(is),
                (was, is) => was.is_none() && is.is_none(),
            };
            if !same {
                let change = Change { before: was.map(Entry::seen), after: is.map(Entry::seen) };
                by_path.insert(path.clone(), change);
            }
        }
        Changes { by_path }
    }

    /// By path.
    #[must_use]
    pub fn by_path(&self) -> &BTreeMap<TreePath, Change> {
        &self.by_path
    }

    /// Whether nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_path.is_empty()
    }

    /// Without these paths.
    #[must_use]
    pub fn without(mut self, paths: &BTreeSet<TreePath>) -> Changes {
        self.by_path.retain(|path, _| !paths.contains(path));
        self
    }

    /// With something else as what is at a path.
    pub fn set_after(&mut self, path: &TreePath, entry: Entry) {
        if let Some(change) = self.by_path.get_mut(path) {
            change.after = Some(entry);
        }
    }

    /// The changes below a path.
    pub fn below<'c>(
        &'c self,
        path: &TreePath,
    ) -> impl Iterator<Item = (&'c TreePath, &'c Change)> + use<'c> {
        path.below(&self.by_path)
    }

    /// Removed files whose content was added elsewhere, each used once, in the order of
    /// paths. Empty files are not followed: all of them are alike.
    #[must_use]
    pub fn renames(&self) -> Vec<Rename> {
        let mut removed: BTreeMap<BlobHash, Vec<&TreePath>> = BTreeMap::new();
        for (path, change) in self.by_path.iter().rev() {
            if let Change { before: Some(Entry::File { hash, size: 1.., .. }), after: None } =
                change
            {
                removed.entry(*hash).or_default().push(path);
            }
        }
        let mut renames = Vec::new();
        for (path, change) in &self.by_path {
            if let Change { before: None, after: Some(Entry::File { hash, .. }) } = change
                && let Some(from) = removed.get_mut(hash).and_then(Vec::pop)
            {
                renames.push(Rename { from: from.clone(), to: path.clone() });
            }
        }
        renames
    }

    /// The layer that makes these changes on top of `target`. Folders on the way are as
    /// the target has them; those that it lacks are as in `source`, where the changes are from.
    ///
    /// # Errors
    /// A folder that neither has: these changes are not from there.
    pub fn layer(&self, target: &Stack, source: &Stack) -> Result<Manifest, Error> {
        let mut entries: BTreeMap<TreePath, Entry> = BTreeMap::new();
        for (path, change) in &self.by_path {
            let entry = match &change.after {
                Some(entry) => entry.clone(),
                None if hidden(&entries, path) || target.get(path).is_none() => continue,
                None => Entry::Tombstone,
            };
            for folder in path.ancestors() {
                if !entries.contains_key(folder) {
                    let folder = TreePath::new(folder)?;
                    let found = match target.get(&folder) {
                        Some(found @ Entry::Dir { .. }) => Some(found),
                        _ => source.get(&folder),
                    };
                    let missing = || Error::Damaged(format!("no folder {folder} for {path}"));
                    let found = found.ok_or_else(missing)?.seen();
                    entries.insert(folder, found);
                }
            }
            entries.insert(path.clone(), entry);
        }
        Manifest::new(entries)
    }
}

/// Whether the layer being made hides a path already by what it has above it.
fn hidden(entries: &BTreeMap<TreePath, Entry>, path: &TreePath) -> bool {
    path.ancestors().any(|folder| entries.get(folder).is_some_and(|entry| !entry.is_dir()))
}
