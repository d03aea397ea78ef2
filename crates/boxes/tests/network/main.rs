//! A box's proxy, against real servers on loopback, real TLS and a real client.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what a test expects and does not find fails it"
)]

mod allow;
mod client;
mod curl;
mod load;
mod request;
mod secret;
mod server;
mod tunnel;
mod world;
