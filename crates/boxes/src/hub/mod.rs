//! The hub inside a box: its programs send messages, publish events and hear them, over a Unix
//! socket that the box is born with.
//!
//! ```text
//!  a program ── greenroom-hub ── /run/greenroom/hub.sock ┆ serve ── quota ── Hub (the runtime's)
//!                                               the box ┆ outside
//! ```
//! Who speaks, the socket says; no request can name its sender. Knows no process and no journal:
//! what becomes of a message is the business of who implements [`Hub`].

mod client;
mod connection;
mod face;
mod lines;
mod quota;
mod serve;
mod wire;

pub use crate::spec::Rights;
pub use client::{
    CLIENT, CLIENT_DIR, CLIENT_PATH, NODE_PATH, SOCKET_PATH, client_bind, listen, make_node,
    node_bind, note_node,
};
pub use face::{Delivery, Event, Hub, Later, Message, Refusal, Resident, Subscribed};
pub use quota::Quota;
pub use serve::{Served, serve};
