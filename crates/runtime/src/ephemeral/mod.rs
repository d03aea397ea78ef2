//! Ephemeral processes: the same code over the same `Ctx`, without a journal.
//! A process is a cell in a table, polled in place by one loop per core.
//!
//! ```text
//!   send, exit, wake ──► cell: queued ──► run queue ──► poll ──► idle
//!                          ▲                              │
//!                          └──────── more to do ──────────┴──► end: parent,
//!                                                              watchers hear
//! ```
//!
//! Knows no journal and no store: what leaves for a durable process goes
//! through a door that the engine gives it.

mod address;
mod cell;
mod desk;
mod end;
mod errand;
mod held;
mod here;
mod mail;
mod open;
mod outside;
mod pool;
mod restart;
mod root;
mod run;
mod send;
mod spawn;
mod table;
mod turns;
mod waker;

pub(crate) use address::Address;
pub(crate) use errand::{CallOut, Errand, Selective};
pub(crate) use held::Held;
pub(crate) use here::{no_journal, not_here, pool_of, with_running, with_sending};
pub(crate) use mail::{Code, Control, Envelope};
pub(crate) use open::open;
pub(crate) use outside::run_to_end;
pub(crate) use pool::Pool;
pub(crate) use restart::Restarts;
pub(crate) use root::{Post, Root};
pub(crate) use send::{Sent, is_full};
pub(crate) use spawn::NewProcess;
