//! A small payment service, and the way to it. It runs as a process of its
//! own: it must outlive a `kill -9` of the node, as a real one would.
//!
//! `server.rs` and `ledger.rs` are the service; `client.rs` is what a refund
//! calls; `launch.rs` starts the service where none answers.

mod address;
mod behaviour;
mod client;
mod command;
mod launch;
mod ledger;
mod server;
mod wire;

pub use client::Payments;
pub use command::command;
pub use launch::ensure;
pub use wire::Payment;
