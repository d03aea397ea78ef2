//! The level `wasm`: a command is a WASI component (0.2) of the box's files, run in this process.
//!
//! ```text
//!  exec ── thread ── compile (kept by content) ── instance ── wasi:cli/run
//!             │                                      │  files: the box's root and its binds
//!             └─ the socket of a command's minder    │  no sockets, no host environment
//!                (the same words as in a namespace)  └─ every 10 ms it yields: time, freeze, CPU
//! ```
//!
//! There is no overlay without mounts, so the layers are copied into the box's upper directory
//! when it is made, and its folders are marked as replacing those below when it ends.
//!
//! Knows no layers and no branches: it is told directories.

mod exec;
mod home;
mod level;
mod meter;
mod pipe;
mod probe;
mod program;
mod sandbox;
mod ticker;
mod tree;

pub use level::Wasm;
pub(crate) use probe::probe;
