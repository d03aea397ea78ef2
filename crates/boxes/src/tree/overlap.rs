//! A path that two sides changed differently.

use super::entry::Entry;
use crate::path::TreePath;
use serde::Serialize;
use std::fmt;

/// What was at a path, and what each side has made of it. `None` is nothing there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Overlap {
    /// The path.
    pub path: TreePath,
    /// Before both.
    pub base: Option<Entry>,
    /// What the parent has now.
    pub ours: Option<Entry>,
    /// What the branch has.
    pub theirs: Option<Entry>,
}

impl fmt::Display for Overlap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ours, theirs) = (
            side(self.base.as_ref(), self.ours.as_ref()),
            side(self.base.as_ref(), self.theirs.as_ref()),
        );
        write!(f, "{}: {ours} there, {theirs} in the branch", self.path)
    }
}

/// What one side did, in a word.
fn side(base: Option<&Entry>, now: Option<&Entry>) -> &'static str {
    match (base, now) {
        (None, None) => "no folder for it",
        (Some(_), None) => "removed",
        (None, Some(_)) => "added",
        (Some(base), Some(now)) if base == now => "unchanged",
        (Some(Entry::File { hash, .. }), Some(Entry::File { hash: now, .. })) if hash == now => {
            "its mode changed"
        }
        (Some(_), Some(_)) => "changed",
    }
}
