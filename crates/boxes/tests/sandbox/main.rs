//! Boxes of the level `namespace`, through the public face: what a user does with one.

#![expect(clippy::expect_used, reason = "what a test expects and does not find fails it")]
mod doctor;
mod end;
mod exec;
#[path = "../house/mod.rs"]
mod house;
mod limits;
mod listen;
mod root;
#[path = "../house/spawner.rs"]
mod spawner;
mod stay;
