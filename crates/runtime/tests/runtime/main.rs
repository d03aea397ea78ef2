//! What processes may rely on, through the node's public face.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    reason = "a test ends where something is not as it should be, and these run in real time"
)]

mod asks;
mod bounds;
mod cancel;
mod deploy;
mod fork;
mod hold;
mod links;
mod lost_answer;
mod messages;
mod on_sqlite;
mod places;
mod restart;
mod steps;
mod supervision;
mod tree;
mod world;
