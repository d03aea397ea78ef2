//! What agents remember: conversations that are made shorter, the context they share,
//! what they have saved. On a node, with a model that goes by a function.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    reason = "a test ends where something is not as it should be, and these run in real time"
)]

mod compact;
mod context;
mod house;
mod saved;
