//! How events and processes read to people. Pure: facts in, text out.

mod fact;
mod history;
mod live;
mod process;
mod short;
mod span;
mod tree;
mod waits;

#[cfg(test)]
mod tests;

pub use history::{Detail, facts, header, render};
pub use live::Live;
pub use process::{asks, dead, places, processes};
pub use short::{one_line, short};
pub use span::span;
pub use tree::tree;
