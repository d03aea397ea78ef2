//! Layers on top of each other, and what is seen from above.

use super::entry::Entry;
use super::manifest::Manifest;
use crate::error::Error;
use crate::hash::LayerId;
use crate::path::TreePath;
use std::collections::BTreeMap;
use std::sync::Arc;

#[cfg(test)]
pub(super) mod tests;

/// How many links are followed on the way to where a path leads, as the kernel has it.
pub(super) const LINKS_MAX: u32 = 40;

/// Layers, the lowest first. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Stack {
    layers: Vec<(LayerId, Arc<Manifest>)>,
}

/// What layers say of a path.
#[derive(Clone, Copy)]
pub(super) enum Said<'m> {
    /// This is here.
    Here(&'m Entry),
    /// Nothing is here, whatever is below.
    Hidden,
    /// Ask the layer below.
    Nothing,
}

impl<'m> Said<'m> {
    /// What is here if these are all layers.
    pub(super) fn here(self) -> Option<&'m Entry> {
        match self {
            Said::Here(entry) => Some(entry),
            Said::Hidden | Said::Nothing => None,
        }
    }
}

impl Stack {
    /// Of these layers, the lowest first.
    #[must_use]
    pub fn new(layers: Vec<(LayerId, Arc<Manifest>)>) -> Stack {
        Stack { layers }
    }

    /// With one more layer on top.
    pub fn push(&mut self, id: LayerId, manifest: Arc<Manifest>) {
        self.layers.push((id, manifest));
    }

    /// The layers' ids, the lowest first.
    #[must_use]
    pub fn ids(&self) -> Vec<LayerId> {
        self.layers.iter().map(|(id, _)| *id).collect()
    }

    /// How many layers there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.layers.len()
    }

    /// Whether there is no layer.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }

    /// The lowest layers, and those above them.
    #[must_use]
    pub fn split(&self, at: usize) -> (Stack, Stack) {
        let (low, high) = self.layers.split_at(at.min(self.layers.len()));
        (Stack::new(low.to_vec()), Stack::new(high.to_vec()))
    }

    /// How many of the lowest layers two stacks share.
    #[must_use]
    pub fn shared(&self, other: &Stack) -> usize {
        let pairs = self.layers.iter().zip(&other.layers);
        pairs.take_while(|((one, _), (other, _))| one == other).count()
    }

    /// The manifests, the lowest first.
    pub fn manifests(&self) -> impl DoubleEndedIterator<Item = &Manifest> {
        self.layers.iter().map(|(_, manifest)| manifest.as_ref())
    }

    /// What is seen at a path.
    #[must_use]
    pub fn get(&self, path: &TreePath) -> Option<&Entry> {
        self.said(path).here()
    }

    /// Where a path leads by the links of the tree; `None` is its root.
    ///
    /// # Errors
    /// More links than the kernel follows.
    pub fn follow(&self, path: &str) -> Result<Option<TreePath>, Error> {
        let names = |path: &str| -> Vec<String> { path.split('/').map(str::to_owned).collect() };
        let (mut at, mut followed): (Vec<String>, u32) = (Vec::new(), 0);
        let mut ahead: Vec<String> = names(path).into_iter().rev().collect();
        while let Some(name) = ahead.pop() {
            match name.as_str() {
                "" | "." => continue,
                ".." => drop(at.pop()),
                _ => at.push(name),
            }
            let Some(here) = TreePath::from_loose(&at.join("/"))? else { continue };
            let Some(Entry::Symlink { target }) = self.get(&here) else { continue };
            followed += 1;
            if followed > LINKS_MAX {
                return Err(Error::refused(path, "more links than can be followed"));
            }
            at.pop();
            if target.starts_with('/') {
                at.clear();
            }
            ahead.extend(names(target).into_iter().rev());
        }
        Ok(TreePath::from_loose(&at.join("/"))?)
    }

    /// What is seen in a folder, by the paths from there; `None` is the root.
    #[must_use]
    pub fn flat_below(&self, folder: Option<&TreePath>) -> BTreeMap<TreePath, Entry> {
        let tree = self.flat();
        let Some(folder) = folder else { return tree };
        let below = tree.into_iter().filter_map(|(path, entry)| {
            let rest = path.as_str().strip_prefix(folder.as_str())?.strip_prefix('/')?;
            Some((TreePath::new(rest).ok()?, entry))
        });
        below.collect()
    }

    /// What these layers say of a path, of which there may be more below.
    pub(super) fn said(&self, path: &TreePath) -> Said<'_> {
        let said = self.manifests().rev().map(|manifest| said(manifest, path));
        let mut said = said.skip_while(|said| matches!(said, Said::Nothing));
        said.next().unwrap_or(Said::Nothing)
    }

    /// The paths below a path that are seen, in no order, some perhaps twice.
    pub(super) fn seen_below<'s>(
        &'s self,
        path: &'s TreePath,
    ) -> impl Iterator<Item = &'s TreePath> + 's {
        let named = self.manifests().flat_map(move |manifest| manifest.below(path));
        named.map(|(path, _)| path).filter(|path| self.get(path).is_some())
    }

    /// A manifest of a layer for the top. Folders that nobody named are as they are here.
    ///
    /// # Errors
    /// As [`Manifest::new`].
    pub fn complete(&self, mut entries: BTreeMap<TreePath, Entry>) -> Result<Manifest, Error> {
        let mut found = Vec::new();
        for path in entries.keys() {
            for folder in path.ancestors().filter(|folder| !entries.contains_key(*folder)) {
                let folder = TreePath::new(folder)?;
                if let Some(entry @ Entry::Dir { .. }) = self.get(&folder) {
                    found.push((folder, entry.seen()));
                }
            }
        }
        entries.extend(found);
        Manifest::with_folders(entries)
    }

    /// The whole tree that is seen.
    #[must_use]
    pub fn flat(&self) -> BTreeMap<TreePath, Entry> {
        let mut tree: BTreeMap<TreePath, Entry> = BTreeMap::new();
        for manifest in self.manifests() {
            for (path, entry) in manifest.entries() {
                let hides = match entry {
                    Entry::Dir { opaque, .. } => *opaque,
                    _ => tree.get(path).is_some_and(Entry::is_dir),
                };
                if hides {
                    remove_below(&mut tree, path);
                }
                match entry {
                    Entry::Tombstone => tree.remove(path),
                    entry => tree.insert(path.clone(), entry.seen()),
                };
            }
        }
        tree
    }
}

fn remove_below(tree: &mut BTreeMap<TreePath, Entry>, path: &TreePath) {
    let below: Vec<TreePath> = path.below(tree).map(|(path, _)| path.clone()).collect();
    for path in below {
        tree.remove(&path);
    }
}

fn said<'m>(manifest: &'m Manifest, path: &TreePath) -> Said<'m> {
    match manifest.entries().get(path) {
        Some(Entry::Tombstone) => return Said::Hidden,
        Some(entry) => return Said::Here(entry),
        None => {}
    }
    for folder in path.ancestors() {
        match manifest.entries().get(folder) {
            // Folders of entries are in a manifest: below here it has nothing.
            None => return Said::Nothing,
            Some(Entry::Dir { opaque: false, .. }) => {}
            Some(_) => return Said::Hidden,
        }
    }
    Said::Nothing
}
