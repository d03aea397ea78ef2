//! Architectures: how agents are put together, and what keeps each from going astray.
//!
//! | architecture | the call | its guardrail |
//! |---|---|---|
//! | single | [`Agent`](crate::Agent) | turns, repetition: [`Limits`](crate::definition::Limits) |
//! | hierarchical | [`Agent::leads`](crate::Agent::leads) | depth, an allowance per child: [`Limits`](crate::definition::Limits) |
//! | pipeline | [`Pipeline`] | a schema between stages, a fallback per stage |
//! | swarm | [`Swarm`] | a message budget, quiescence, a deadline |
//!
//! [`choice`] says which one is the smallest that fits.

pub mod choice;
mod pipeline;
mod swarm;

pub use pipeline::{BAD_PIPELINE, Fallback, Pipeline, STAGE_FAILED, Stage};
pub use swarm::{BAD_SWARM, NO_RESULT, Swarm};
