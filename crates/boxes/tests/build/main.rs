//! Boxes built of folders, with real sandboxes, through the public face.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "what a test expects and does not find fails it"
)]
mod base;
mod broken;
mod cache;
#[expect(dead_code, reason = "other suites use more of it")]
#[path = "../house/mod.rs"]
mod house;
mod killed;
mod shop;
mod together;
mod world;
