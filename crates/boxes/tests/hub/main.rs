//! The hub in real boxes, by the real client and by hand, over a hub of the test's own.
#![expect(clippy::expect_used, clippy::panic, reason = "a test")]

mod client;
mod flood;
#[path = "../house/mod.rs"]
mod house;
mod memory;
mod protocol;
mod world;
