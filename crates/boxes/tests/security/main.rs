//! The walls of the level `namespace`, by attacks. Each attack must fail in a box *and* work
//! without one, so that no attack passes because it was badly written. Where the host or its
//! kernel forbids the attack to everybody here, it is counted apart and says why.

#![expect(clippy::expect_used, reason = "what a test expects and does not find fails it")]

mod attack;
mod files;
#[path = "../house/mod.rs"]
mod house;
mod kept;
mod network;
mod special;
mod suite;
mod world;
