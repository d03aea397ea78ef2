//! What can go wrong, sorted by what the caller does next.

use crate::build::BuildError;
use crate::compose::ComposeError;
use crate::network;
use crate::path::BadPath;
use crate::sandbox;
use crate::spec::SpecError;
use crate::tree::Overlap;
use std::path::Path;

/// Why an operation on boxes did not happen.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The machine's file system failed. Repair it and try again: nothing is half done.
    #[error("{doing}: {source}")]
    Io {
        /// What was tried, with its path.
        doing: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A spec that cannot be used. Correct the file.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// Boxes that do not go together. Correct the spec that puts them together.
    #[error(transparent)]
    Compose(#[from] ComposeError),
    /// A step of a build that cannot be done. Correct the box.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// A sandbox that cannot be had. Its own kinds say what to do next.
    #[error(transparent)]
    Sandbox(#[from] sandbox::Error),
    /// The network of a box cannot be served. Its own kinds say what to do next.
    #[error(transparent)]
    Network(#[from] network::Error),
    /// A tree, an archive or an image that may not become a layer. Nothing was taken in.
    #[error("{path}: {why}")]
    Refused {
        /// The path inside the tree or the archive.
        path: String,
        /// Why, and what to do.
        why: String,
    },
    /// Somebody else changed the parent since the branch began, and who is first wins.
    /// Commit with `rebase` or `force`, or discard the branch. Nothing was changed.
    #[error(
        "`{parent}` has changed since `{branch}` began; commit with rebase (nothing is lost) or \
         force, or discard it{}",
        listed(overlaps)
    )]
    Overtaken {
        /// The branch.
        branch: String,
        /// Its parent.
        parent: String,
        /// Where a rebase would meet conflicts.
        overlaps: Vec<Overlap>,
    },
    /// Both sides changed the same. Change the branch, or commit with `force`, which takes
    /// the branch's. Nothing was changed.
    #[error("`{branch}` and `{parent}` both changed{}", listed(overlaps))]
    Conflict {
        /// The branch.
        branch: String,
        /// Its parent.
        parent: String,
        /// Where.
        overlaps: Vec<Overlap>,
    },
    /// The branch is not, or not any more, in a state for this.
    #[error("`{branch}` {why}")]
    NotNow {
        /// The branch.
        branch: String,
        /// Why, and what to do.
        why: String,
    },
    /// What is stored is not what was stored. Restore it from a copy.
    #[error("damaged: {0}")]
    Damaged(String),
    /// There is nothing of this name.
    #[error("there is no {0}")]
    Missing(String),
    /// Somebody else is at work. Try again later.
    #[error("busy: {0}")]
    Busy(String),
}

impl Error {
    /// A failure of the file system while doing something with a path.
    pub(crate) fn io(
        doing: &str,
        path: impl AsRef<Path>,
        source: impl Into<std::io::Error>,
    ) -> Error {
        Error::Io { doing: format!("{doing} {}", path.as_ref().display()), source: source.into() }
    }

    /// Something inside a tree that may not be taken in.
    pub(crate) fn refused(path: impl Into<String>, why: impl Into<String>) -> Error {
        Error::Refused { path: path.into(), why: why.into() }
    }
}

/// The first few of what overlaps.
fn listed(overlaps: &[Overlap]) -> String {
    const SHOWN: usize = 10;
    let shown = overlaps.iter().take(SHOWN).map(|overlap| format!("\n  {overlap}"));
    let mut text: String = shown.collect();
    if let Some(more) = overlaps.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        text.push_str(&format!("\n  and {more} more"));
    }
    text
}

impl From<BadPath> for Error {
    fn from(bad: BadPath) -> Error {
        Error::Refused { path: bad.path, why: bad.why.to_owned() }
    }
}
