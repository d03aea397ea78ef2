//! Greenroom's API: routes over a node, the words on the wire, and a client.
//!
//! Serves HTTP and JSON on a Unix socket; the same routes will serve TCP.
//! Knows no store and no command line.

mod client;
mod extract;
mod peer;
mod refusal;
mod route;
mod router;
mod serve;
mod shutdown;
pub mod wire;

pub use client::{Client, ClientError, Events, Seen};
pub use serve::{ServeError, Server, bind};
