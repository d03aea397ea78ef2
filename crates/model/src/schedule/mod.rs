//! Schedules as pure rules: a specification, a state, facts in, starts out.
//!
//! Knows no journal and no clock: the time comes with each fact.

mod spec;
mod state;
#[cfg(test)]
mod tests;
mod timing;

pub use spec::{CatchUp, Overlap, ScheduleSpec};
pub use state::{Schedule, Start};
