//! A path inside a box's tree, in its one spelling. Knows no file system.

use serde::{Deserialize, Serialize};
use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;

#[cfg(test)]
mod tests;

/// The longest path, in bytes, as the kernel has it.
const PATH_BYTES_MAX: usize = 4095;

/// The longest name, in bytes.
const NAME_BYTES_MAX: usize = 255;

/// The deepest that a path goes: walks are recursive.
const DEPTH_MAX: usize = 256;

/// A path that cannot be one of a tree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {why}")]
pub struct BadPath {
    /// The path as it was given.
    pub path: String,
    /// What is wrong with it.
    pub why: &'static str,
}

/// A path relative to a tree's root: `usr/bin/env`. Never empty or absolute, never with
/// `.`, `..` or an empty name, so two that differ are two places and none is outside.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TreePath(String);

impl TreePath {
    /// Takes a path that is in its one spelling already.
    ///
    /// # Errors
    /// Any other.
    pub fn new(path: impl Into<String>) -> Result<TreePath, BadPath> {
        let path = path.into();
        match fault(&path) {
            Some(why) => Err(BadPath { path, why }),
            None => Ok(TreePath(path)),
        }
    }

    /// Takes a path as archives and people write it: with `./` or `/` before it, with `/`
    /// behind it, with `.` or `//` in it. `None` is the root itself.
    ///
    /// # Errors
    /// A path with `..`, and what no path can be.
    pub fn from_loose(path: &str) -> Result<Option<TreePath>, BadPath> {
        let names: Vec<&str> =
            path.split('/').filter(|name| !name.is_empty() && *name != ".").collect();
        if names.is_empty() {
            return Ok(None);
        }
        match fault(&names.join("/")) {
            Some(why) => Err(BadPath { path: path.to_owned(), why }),
            None => Ok(Some(TreePath(names.join("/")))),
        }
    }

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The folder it is in; `None` for what is in the root.
    #[must_use]
    pub fn parent(&self) -> Option<&str> {
        self.0.rsplit_once('/').map(|(parent, _)| parent)
    }

    /// The folders it is in, from the root's child down.
    pub fn ancestors(&self) -> impl Iterator<Item = &str> {
        self.0.match_indices('/').filter_map(|(end, _)| self.0.get(..end))
    }

    /// The path of a name in this folder.
    ///
    /// # Errors
    /// A name that is none, and a path that gets too long.
    pub fn join(&self, name: &str) -> Result<TreePath, BadPath> {
        if name.contains('/') {
            return Err(BadPath { path: name.to_owned(), why: "a name has no `/`" });
        }
        TreePath::new(format!("{}/{name}", self.0))
    }

    /// Whether this is somewhere in that folder, and not the folder itself.
    #[must_use]
    pub fn is_below(&self, folder: &TreePath) -> bool {
        self.0.strip_prefix(&folder.0).is_some_and(|rest| rest.starts_with('/'))
    }

    /// What a map has below this path.
    pub(crate) fn below<'m, V>(
        &self,
        map: &'m BTreeMap<TreePath, V>,
    ) -> impl DoubleEndedIterator<Item = (&'m TreePath, &'m V)> + use<'m, V> {
        // `0` is the character after `/`.
        let (first, end) = (format!("{}/", self.0), format!("{}0", self.0));
        map.range::<str, _>((Bound::Included(first.as_str()), Bound::Excluded(end.as_str())))
    }
}

/// What keeps a text from being a path.
fn fault(path: &str) -> Option<&'static str> {
    if path.is_empty() {
        return Some("an empty path names nothing");
    }
    if path.starts_with('/') {
        return Some("an absolute path; paths of a tree are relative to its root");
    }
    if path.len() > PATH_BYTES_MAX {
        return Some("longer than the 4095 bytes that the kernel takes");
    }
    if path.contains('\0') {
        return Some("a zero byte in a path");
    }
    let mut depth = 0;
    for name in path.split('/') {
        depth += 1;
        match name {
            "" => return Some("an empty name in a path"),
            "." => return Some("`.` in a path"),
            ".." => return Some("`..` in a path; nothing may lead out of the tree"),
            long if long.len() > NAME_BYTES_MAX => return Some("a name longer than 255 bytes"),
            _ => {}
        }
    }
    (depth > DEPTH_MAX).then_some("more than 256 folders deep")
}

impl fmt::Display for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for TreePath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for TreePath {
    type Error = BadPath;

    fn try_from(path: String) -> Result<TreePath, BadPath> {
        TreePath::new(path)
    }
}

impl From<TreePath> for String {
    fn from(path: TreePath) -> String {
        path.0
    }
}
