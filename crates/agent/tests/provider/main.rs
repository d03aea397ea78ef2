//! Providers against servers: the scripted one, recorded streams, other people's.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends where something is not as it should be, and these run in real time"
)]

mod agent;
mod aimock;
mod counts;
mod exact;
mod house;
mod hush;
mod line;
mod recorded;
mod scripted;
mod servers;
mod smollm;
mod support;
mod tls;
mod whose;
