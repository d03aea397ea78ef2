//! What processes may rely on, through the node's public face.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    reason = "a test ends where something is not as it should be, and these run in real time"
)]

mod held_up;
mod hooked;
mod lost_answer;
mod on_sqlite;
mod processes;
mod world;
