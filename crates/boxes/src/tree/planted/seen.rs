//! What a tree shows at a path.

use crate::path::TreePath;
use crate::tree::Entry;

/// What is at a path, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A symbolic link, to there.
    Link(String),
    /// A folder.
    Dir,
    /// Anything else.
    File,
}

impl Seen {
    /// An entry, as it is seen in the whole.
    #[must_use]
    pub fn of(entry: &Entry) -> Option<Seen> {
        match entry {
            Entry::Symlink { target } => Some(Seen::Link(target.clone())),
            Entry::Dir { .. } => Some(Seen::Dir),
            Entry::File { .. } => Some(Seen::File),
            Entry::Tombstone => None,
        }
    }
}

/// Says what is at a path of the tree that the changes make.
pub type See<'s> = &'s dyn Fn(&TreePath) -> Option<Seen>;
