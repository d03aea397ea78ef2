//! The node's engine: cells, turns, the committer, timers. Everything it does
//! is one of a few calls, so that threads can drive it, or a simulator.
//!
//! ```text
//!   mail, timer, step result ──► inbox ──► visit: turn ──► commit queue
//!        ▲                                   ▲                 │ group
//!        └── deliver, launch steps ◄── ack ──┴── durable ◄─────┘ commit
//! ```

mod cell;
mod cells;
mod commits;
mod doubt;
mod drive;
mod effects;
mod ephemeral;
mod hub;
mod launch;
mod load;
mod pending;
mod queue;
mod replay;
mod restart;
mod settle;
mod state;
mod take;
mod timers;
mod turn;
mod visit;

pub(crate) use hub::News;
pub(crate) use load::{in_force, names};
pub(crate) use pending::External;
pub(crate) use replay::replay;
pub use state::{Engine, EngineOptions};
