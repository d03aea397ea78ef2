//! Code that is an async Rust function of this binary.

mod activation;

pub(crate) use crate::failed::panicked;
pub(crate) use activation::{Local, Program};
