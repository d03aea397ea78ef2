//! A crate's modules and the files they stand in. Follows re-exports to where a name comes from.
//!
//! Must not know what a circle is.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::use_paths::{UsePath, use_paths};
use super::workspace::{File, Package, Workspace};

/// How many re-exports a name may pass through.
const HOPS_MAX: usize = 8;

/// One module in a file of its own.
#[derive(Debug)]
pub struct Module<'files> {
    pub file: &'files File,
    pub paths: Vec<UsePath>,
}

/// The modules of one crate by their path, the root under the empty path.
#[derive(Debug, Default)]
pub struct ModuleTree<'files> {
    pub modules: BTreeMap<Vec<String>, Module<'files>>,
}

impl<'files> ModuleTree<'files> {
    /// The tree of a package's `src`, without its tests and its further binaries.
    pub fn new(workspace: &'files Workspace, package: &Package) -> Self {
        let folder = format!("{}/src/", package.dir);
        let mut tree = Self::default();
        for file in workspace.rust_files() {
            let Some(path) = file.path.strip_prefix(&folder).and_then(module_path) else {
                continue;
            };
            let paths = use_paths(&file.code);
            tree.modules.insert(path, Module { file, paths });
        }
        tree
    }

    /// The module that a path written in `from` leads to; None outside this crate.
    pub fn resolve(&self, from: &[String], path: &UsePath) -> Option<Vec<String>> {
        self.walk(from, &path.segments, HOPS_MAX)
    }

    fn walk(&self, from: &[String], segments: &[String], hops: usize) -> Option<Vec<String>> {
        let (mut at, rest) = self.start(from, segments)?;
        for (index, segment) in rest.iter().enumerate() {
            let mut child = at.clone();
            child.push(segment.clone());
            if self.modules.contains_key(&child) {
                at = child;
                continue;
            }
            let Some(origin) = self.reexport(&at, segment).filter(|_| hops > 0) else {
                break;
            };
            let after = rest.get(index + 1..).unwrap_or_default();
            let onward = [origin, after].concat();
            return self.walk(&at, &onward, hops - 1).or(Some(at));
        }
        Some(at)
    }

    /// Where the walk begins, and what is left to walk.
    fn start<'path>(
        &self,
        from: &[String],
        segments: &'path [String],
    ) -> Option<(Vec<String>, &'path [String])> {
        let (first, rest) = segments.split_first()?;
        match first.as_str() {
            "crate" => Some((Vec::new(), rest)),
            "self" => Some((from.to_vec(), rest)),
            "super" => {
                let (_, parent) = from.split_last()?;
                let again = rest.first().is_some_and(|next| next == "super");
                if again { self.start(parent, rest) } else { Some((parent.to_vec(), rest)) }
            }
            _ => {
                let child = [from, std::slice::from_ref(first)].concat();
                self.modules.contains_key(&child).then_some((child, rest))
            }
        }
    }

    fn reexport(&self, at: &[String], name: &str) -> Option<&[String]> {
        let mut paths = self.modules.get(at)?.paths.iter();
        let path = paths.find(|path| path.reexport && path.name == name)?;
        Some(&path.segments)
    }
}

/// `a/b.rs` and `a/b/mod.rs` are `[a, b]`; `lib.rs` and `main.rs` are the root.
fn module_path(path: &str) -> Option<Vec<String>> {
    let mut parts: Vec<_> = path.strip_suffix(".rs")?.split('/').map(str::to_owned).collect();
    if parts.iter().any(|part| part == "tests") || parts.first().is_some_and(|part| part == "bin") {
        return None;
    }
    let root = parts.len() == 1 && (path == "lib.rs" || path == "main.rs");
    if root || parts.last().is_some_and(|last| last == "mod") {
        parts.pop();
    }
    Some(parts)
}
