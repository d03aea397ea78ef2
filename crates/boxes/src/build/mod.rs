//! From a box's folder to an image: a stack of layers, and what a box of it is started with.
//!
//! ```text
//! base ─┬─ a: skill, files, setup… ─┐
//!       └─ b: skill, files, setup… ─┴─ united ── own skill, files, setup… ── image
//! ```
//! Each box that is extended is built over the base by itself, so that what was built for one
//! is there for all. What it then has over the base is united, path by path. A setup command
//! runs in a sandbox over the layers so far; what it wrote is a layer, noted under a hash of
//! all that it was made of. A crash leaves garbage and whole steps, never half of one.
//!
//! Knows no heads and no processes: the image is the caller's to keep.

mod base;
mod builder;
mod error;
mod files;
mod host;
mod image;
mod key;
mod network;
mod progress;
mod setup;
mod unite;
mod work;

pub use builder::Builder;
pub use error::BuildError;
pub use image::Image;
pub use network::{Attached, Network};
pub use progress::Progress;
