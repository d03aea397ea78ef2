//! Looking around in a tree for what is planted. A box can have made its tree so that this takes
//! for ever, so it has a budget. When that is spent nothing is looked at any more, and all that
//! depends on it counts as planted.

use super::super::stack::{LINKS_MAX, Stack};
use super::seen::{See, Seen};
use super::tools::is_packages;
use crate::path::TreePath;
use crate::tree::Entry;
use std::cell::{Cell, OnceCell};
use std::collections::BTreeMap;
use std::mem;

#[cfg(test)]
mod tests;

/// What all looks of one search cost at most. A tree with 100,000 links of eight names stays far
/// below.
const BUDGET: u64 = 1 << 28;

/// What a look costs, and each target of a link, beside its bytes.
const LOOK_COST: u64 = 64;

/// How many folders are looked up in how many layers before these are made one tree: that takes
/// time in the measure of the tree.
const LAYERED_MAX: u64 = 1 << 20;

/// The budget is spent.
struct Spent;

/// Where a link leads.
pub struct Led {
    /// Out of the tree, as far as is known.
    pub out: bool,
    /// Through a folder of others' packages.
    pub packages: bool,
}

/// Looks into a tree while the budget lasts.
pub struct Looks<'s> {
    see: See<'s>,
    left: u64,
    /// The path whose folders were looked at last.
    last: String,
    /// Which of these are repositories, by how many names they have. What is in a folder comes
    /// one after the other, so each folder is looked at once.
    bare: Vec<Option<bool>>,
}

impl<'s> Looks<'s> {
    pub fn new(see: See<'s>) -> Looks<'s> {
        Looks { see, left: BUDGET, last: String::new(), bare: Vec::new() }
    }

    /// The first of these folders of a path, by how many names they have, that is what git takes
    /// for a repository.
    pub fn first_bare(
        &mut self,
        path: &TreePath,
        mut depths: impl Iterator<Item = usize>,
    ) -> Option<usize> {
        let path = path.as_str();
        let both = self.last.split('/').zip(path.split('/'));
        let shared = both.take_while(|(last, name)| last == name).count();
        self.bare.truncate(shared + 1);
        path.clone_into(&mut self.last);
        depths.find(|depth| match self.bare.get(*depth) {
            Some(Some(bare)) => *bare,
            _ => {
                let bare = self.is_bare(path, *depth);
                self.bare.resize(self.bare.len().max(depth + 1), None);
                self.bare.iter_mut().skip(*depth).take(1).for_each(|known| *known = Some(bare));
                bare
            }
        })
    }

    fn is_bare(&mut self, path: &str, depth: usize) -> bool {
        let ends = path.match_indices('/').map(|(at, _)| at + 1);
        let end = [0].into_iter().chain(ends).nth(depth).unwrap_or(0);
        let mut inside = path.get(..end).unwrap_or_default().to_owned();
        let mut has = |name: &str| {
            inside.truncate(end);
            inside.push_str(name);
            self.look(&mut inside).map_or(true, |seen| seen.is_some())
        };
        has("HEAD") && (has("commondir") || (has("objects") && has("refs")))
    }

    /// Where a link leads, also through other links of the tree.
    pub fn led(&mut self, path: &TreePath, target: &str) -> Led {
        let mut packages = false;
        match self.leads_out(path, target, &mut packages) {
            Ok(out) => Led { out, packages },
            Err(Spent) => Led { out: true, packages: true },
        }
    }

    fn leads_out(
        &mut self,
        path: &TreePath,
        target: &str,
        packages: &mut bool,
    ) -> Result<bool, Spent> {
        let mut place = Place { path: path.parent().unwrap_or_default().to_owned(), missing: 0 };
        let mut ahead = Ahead::default();
        let (mut target, mut followed) = (target.to_owned(), 0);
        loop {
            // What nobody can follow is not known to stay inside.
            if target.starts_with('/') || followed > LINKS_MAX {
                return Ok(true);
            }
            self.spend(target.len())?;
            ahead.0.push((target, 0));
            target = loop {
                let Some(name) = ahead.next() else { return Ok(false) };
                match name {
                    "" | "." => continue,
                    ".." if !place.up() => return Ok(true),
                    ".." => continue,
                    _ => *packages |= is_packages(&name.to_ascii_lowercase()),
                }
                if !place.down(name) {
                    continue;
                }
                match self.look(&mut place.path)? {
                    Some(Seen::Link(target)) => break target,
                    None if !is_above(&place.path, path) => place.missing = 1,
                    _ => {}
                }
            };
            place.up();
            followed += 1;
        }
    }

    /// What is at a path, which is given back as it was. What is no path has nothing there.
    fn look(&mut self, path: &mut String) -> Result<Option<Seen>, Spent> {
        self.spend(path.len())?;
        Ok(match TreePath::new(mem::take(path)) {
            Ok(there) => {
                let seen = (self.see)(&there);
                *path = there.into();
                seen
            }
            Err(bad) => {
                *path = bad.path;
                None
            }
        })
    }

    fn spend(&mut self, bytes: usize) -> Result<(), Spent> {
        let left = self.left.checked_sub(LOOK_COST + bytes as u64);
        self.left = left.unwrap_or(0);
        left.map(drop).ok_or(Spent)
    }
}

/// Whether a path is in a folder. Such a folder is there, also where a tree does not name it.
fn is_above(folder: &str, path: &TreePath) -> bool {
    path.as_str().strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// How far a walk has come.
struct Place {
    /// Down to the first name that is missing.
    path: String,
    /// How many names are missing. Below the first of them there is nothing to look at.
    missing: usize,
}

impl Place {
    /// Goes down to a name, and says whether it may be there.
    fn down(&mut self, name: &str) -> bool {
        if self.missing > 0 {
            self.missing += 1;
            return false;
        }
        if !self.path.is_empty() {
            self.path.push('/');
        }
        self.path.push_str(name);
        true
    }

    /// Goes up, where that does not lead out.
    fn up(&mut self) -> bool {
        if self.missing > 1 {
            self.missing -= 1;
            return true;
        }
        self.missing = 0;
        let inside = !self.path.is_empty();
        self.path.truncate(self.path.rfind('/').unwrap_or(0));
        inside
    }
}

/// Targets of links, the one that is walked on top, each with where its next name begins.
#[derive(Default)]
struct Ahead(Vec<(String, usize)>);

impl Ahead {
    fn next(&mut self) -> Option<&str> {
        while self.0.last().is_some_and(|(target, at)| *at > target.len()) {
            self.0.pop();
        }
        let (target, at) = self.0.last_mut()?;
        let rest = target.get(*at..)?;
        let name = rest.split('/').next()?;
        *at += name.len() + 1;
        Some(name)
    }
}

/// Sees what layers show. Each layer, and each folder of a path in it, costs time at every look,
/// so that after many of them they become one tree.
pub struct Layers<'s> {
    stack: &'s Stack,
    left: Cell<u64>,
    flat: OnceCell<BTreeMap<TreePath, Entry>>,
}

impl<'s> Layers<'s> {
    pub fn new(stack: &'s Stack) -> Layers<'s> {
        Layers { stack, left: Cell::new(LAYERED_MAX), flat: OnceCell::new() }
    }

    pub fn see(&self, path: &TreePath) -> Option<Seen> {
        let cost = path.as_str().split('/').count() * self.stack.len();
        let seen = match self.left.get().checked_sub(cost as u64) {
            Some(left) => {
                self.left.set(left);
                self.stack.get(path)
            }
            None => self.flat.get_or_init(|| self.stack.flat()).get(path),
        };
        seen.and_then(Seen::of)
    }
}
