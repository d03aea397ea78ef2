//! Boxes with a name, through the engine: real sandboxes, real crashes.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod branches;
mod killed;
mod life;
mod network;
mod run;
mod world;
