//! The shop, and the boxes that buy in it.

mod boxes;
mod shop;

pub use boxes::{Boxes, Spawned};
pub use shop::{Order, Shop};
