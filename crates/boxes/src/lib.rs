//! Greenroom's boxes: disposable environments with their own root, processes and limits.
//!
//! Knows no runtime and no journal: what happens in a box is handed back to the caller as data.

pub mod sandbox;
