//! Boxes: specs of disposable environments, the layers they are built of, and
//! branches of their files with a commit that is checked for conflicts.
//!
//! Knows no journal and no runtime; of processes only what they are called. What only reads and writes files
//! stands here; what asks the kernel to keep a program in stands in `sandbox`.

mod beneath;
pub mod branch;
pub mod build;
pub mod compose;
pub mod engine;
mod error;
pub mod export;
mod hash;
pub mod hub;
pub mod layer;
mod level_name;
#[cfg(feature = "microvm")]
pub mod microvm;
pub mod network;
mod path;
mod random;
pub mod sandbox;
pub mod spec;
mod sqlite;
mod steps;
pub mod store;
pub mod tree;
mod walls;
#[cfg(feature = "wasm")]
pub mod wasm;

pub use error::Error;
pub use hash::{BadHash, BlobHash, ImageId, LayerId};
pub use level_name::LevelName;
pub use path::{BadPath, TreePath};
pub use steps::Steps;
