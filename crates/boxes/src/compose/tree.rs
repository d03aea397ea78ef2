//! Layers of several boxes put together as one. Pure.

use super::error::ComposeError;
use crate::error::Error;
use crate::path::TreePath;
use crate::tree::{Entry, Manifest};
use std::collections::{BTreeMap, BTreeSet};

#[cfg(test)]
mod tests;

/// One box's layer.
#[derive(Clone, Copy, Debug)]
pub struct Part<'m> {
    /// The box.
    pub name: &'m str,
    /// Its layer.
    pub manifest: &'m Manifest,
}

/// One layer of several, left to right. The same path with something else in it is an
/// error, but for paths in `overridden`, where the rightmost wins with all below it.
///
/// # Errors
/// Parts that differ.
pub fn unite(parts: &[Part<'_>], overridden: &BTreeSet<TreePath>) -> Result<Manifest, Error> {
    let mut found: BTreeMap<TreePath, (&str, Entry)> = BTreeMap::new();
    for part in parts {
        for (path, entry) in part.manifest.entries() {
            let decided = overridden.contains(path)
                || path.ancestors().any(|above| overridden.contains(above));
            let clash = found.get(path).filter(|(_, there)| there != entry);
            if let Some((left, _)) = clash
                && !decided
            {
                return Err(differ(left, part.name, path));
            }
            if overridden.contains(path) {
                let below: Vec<TreePath> =
                    path.below(&found).map(|(path, _)| path.clone()).collect();
                below.iter().for_each(|path| drop(found.remove(path)));
            }
            found.insert(path.clone(), (part.name, entry.clone()));
        }
        // What one part hides must not be what another has.
        for (path, entry) in part.manifest.entries() {
            let hides = !matches!(entry, Entry::Dir { opaque: false, .. });
            let other = path.below(&found).find(|(_, (name, _))| *name != part.name);
            if let Some((path, (left, _))) = other.filter(|_| hides) {
                return Err(differ(left, part.name, path));
            }
        }
    }
    let entries = found.into_iter().map(|(path, (_, entry))| (path, entry));
    Manifest::new(entries.collect())
}

fn differ(left: &str, right: &str, path: &TreePath) -> Error {
    let remedy = "name it in override.files if the later one is meant".to_owned();
    ComposeError::differ(left, right, format!("the file `{path}`"), remedy).into()
}
