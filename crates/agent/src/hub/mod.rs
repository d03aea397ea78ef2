//! The hub of boxes over the runtime: what a box says becomes messages and events of processes,
//! and what is for a box waits in the mailbox of a process of its own.
//!
//! ```text
//!  a box ── BoxHub ── a message to its owner, or to whom its rights name
//!    ▲         └───── an event under `box.NAME.TOPIC`
//!    └─ BoxHub ◀─ state ─ `box_mailbox/NAME.NUMBER` ◀─ messages, events it has subscribed to
//! ```
//! Nothing runs for a box that is not connected: its mailbox's process waits, with what was not
//! acknowledged in its state. Knows no sandbox and no socket.

mod carry;
mod mailbox;
mod place;
mod rights;

pub use carry::BoxHub;
pub use mailbox::register;
pub use place::{KIND, mailbox_id, mailbox_name};
