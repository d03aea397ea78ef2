//! Branches of a box's files: heads that name stacks of layers, and the commit that
//! brings one back into its parent, checked and whole.
//!
//! ```text
//! open ──seal──▶ open ──commit──▶ committed     the parent's stack has its changes
//!   └──────────────┴───discard──▶ discarded
//! ```
//! Heads are rows of one SQLite file beside the store. A commit moves the parent and
//! closes the branch, two rows, in one transaction that compares both with what was
//! read: many processes may try at once, a crash at any point leaves both rows old or
//! both new, and the layers that they name were on disk before. Files with renames would
//! need a lock, a journal for the second row and syncs of folders to say the same.

mod commit;
mod content;
mod heads;
mod lines;
mod merge;
mod open;
mod seal;
mod text;

pub use commit::{Committed, Mode, Terms};
pub use content::Content;
pub use heads::{Head, State};
pub use open::Branches;
pub use seal::{Diff, Sealed, Written};
