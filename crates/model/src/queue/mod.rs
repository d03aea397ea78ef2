//! Queues that steps stand in before they begin: who is let in next, how many
//! at once, how often, and when nobody at all. Pure: the time comes in as a
//! fact, decisions come out.
//!
//! A queue is a [`Line`](line) (priority, then fairness across tenants) before
//! a door with four locks: a [limit](limit) of steps at once, a [token
//! bucket](bucket), a [circuit breaker](circuit), and a downstream's own wish to
//! be left alone for a while. Knows no process and no journal.

mod bucket;
mod circuit;
mod limit;
mod line;
mod outcome;
mod spec;
mod state;
mod ticket;
mod view;

pub use circuit::{Breaker, CircuitState};
pub use outcome::Outcome;
pub use spec::{PRIORITY_MAX, QueueSpec, Queued, Rate};
pub use state::{Decision, Queue, Wish};
pub use ticket::Ticket;
pub use view::QueueView;

#[cfg(test)]
mod tests;
