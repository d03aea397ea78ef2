//! A node: the engine with its threads, and what may be asked of it. Everything
//! here goes through the store's one write or its reads.

mod ask;
mod budget;
mod control;
mod damage;
mod dead;
mod ephemeral;
mod family;
mod follow;
mod fork;
mod handle;
mod health;
mod look;
mod once;
mod place;
mod queue;
mod rehearse;
mod schedule;
mod send;
mod start;
mod transfer;

pub use budget::BudgetReport;
pub use control::RestartFrom;
pub use follow::{Follow, Notice};
pub use handle::{Node, NodeOptions};
pub use health::{Health, Trouble};
pub use place::PublishRequest;
pub use rehearse::Rehearsal;
pub use schedule::Scheduled;
pub use send::{SendRequest, Sent};
pub use start::{StartRequest, Started};
