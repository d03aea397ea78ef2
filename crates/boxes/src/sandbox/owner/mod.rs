//! The owner's side: the level, its boxes, and commands that run in them.

mod client;
mod namespace;
mod running;
mod sandbox;

pub use namespace::Namespace;
pub use running::{End, Finished, Killer, Output, Running, Stream};
