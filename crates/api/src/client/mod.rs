//! A typed client for the routes, over the Unix socket.

mod connection;
mod error;
mod events;
mod process;
mod schedule;
mod sse;
mod store;

pub use connection::Client;
pub use error::ClientError;
pub use events::{Events, Seen};
