//! Agents in boxes: which box a process works in, its tools, and its end. Knows the engine
//! of boxes and steps; knows no loop of an agent.
//!
//! What a process knows of its box is a [`Place`] in its own state, and each step that changes
//! the box's files records a snapshot in it. So the files belong to the history: a fork, whose
//! history is a copy, begins a box of its own with the files of that moment.

mod act;
mod branch;
mod files;
mod handle;
mod place;
mod sweep;
mod tools;

pub(crate) use branch::{Merged, begin_branch, changes, discard, merge};
pub use handle::Boxes;
pub(crate) use place::{BOX_FAILED, InBox, Outcome, Place};
pub use sweep::{attend, sweep};
pub(crate) use tools::{action, builtin, of_image};
