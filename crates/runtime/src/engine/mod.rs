//! The node's engine: cells, turns, the committer, timers. Everything it does
//! is one of a few calls, so that threads can drive it, or a simulator.
//!
//! ```text
//!   mail, timer, step result ──► inbox ──► visit: turn ──► commit queue
//!        ▲                                   ▲                 │ group
//!        └── deliver, launch steps ◄── ack ──┴── durable ◄─────┘ commit
//! ```

mod attempt;
mod cell;
mod cells;
mod circles;
mod commits;
mod damage;
mod deadlock;
mod desk;
mod doubt;
mod drive;
mod effects;
mod ephemeral;
mod gauge;
mod hub;
mod launch;
mod line;
mod line_up;
mod load;
mod mailbox;
mod pending;
mod queue;
mod replay;
mod restart;
mod rooms;
mod settle;
mod state;
mod take;
mod task;
mod timers;
mod turn;
mod visit;
mod waiting;
mod watch;

pub use circles::BrokenCircle;
pub use damage::what as damage_in_words;
pub(crate) use hub::News;
pub(crate) use load::{in_force, names};
pub(crate) use pending::{Answer, External};
pub(crate) use replay::replay;
pub use rooms::FullMailbox;
pub use state::{Engine, EngineOptions};
pub use waiting::BlockedBy;
