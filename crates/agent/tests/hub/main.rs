//! The hub of boxes on a real node over SQLite: what a box says by its socket reaches processes,
//! what they say reaches it, and a node that goes and comes back loses and doubles nothing.
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test")]

mod carry;
mod world;
