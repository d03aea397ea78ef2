//! Trees of files as data: entries, the manifests of layers, stacks of layers, and what
//! differs between two. Knows no file system.

mod changes;
mod entry;
mod manifest;
mod overlap;
mod planted;
mod stack;

pub use changes::{Change, Changes, Rename};
pub use entry::{Entry, Xattr, Xattrs};
pub use manifest::Manifest;
pub use overlap::Overlap;
pub use planted::{Plant, Planted, Seen};
pub use stack::Stack;

#[cfg(test)]
pub(crate) use stack::tests::{layer, stack};
