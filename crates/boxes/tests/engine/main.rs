//! Boxes with a name, through the engine: real sandboxes, real crashes.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod branches;
mod crashes;
mod garbage;
mod hub;
mod killed;
mod life;
#[path = "../hub/memory.rs"]
mod memory;
mod network;
mod run;
mod seals;
#[path = "../house/spawner.rs"]
mod spawner;
mod world;
