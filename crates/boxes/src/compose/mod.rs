//! Boxes out of boxes: `a + b`, and what a box extends.

mod error;
mod load;
mod spec;
mod tree;

pub use error::ComposeError;
pub use load::{Loaded, load, load_tree};
pub use spec::compose;
pub use tree::{Part, unite};
