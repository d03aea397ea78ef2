//! Supervision as pure rules: a specification, a state, facts in, actions out.
//! The words and the decisions are those of OTP's `supervisor`; where durable
//! processes ask for something else, the place says so.
//!
//! Knows no journal and no clock: the time comes with each fact.

mod action;
mod check;
mod child;
mod intensity;
mod machine;
mod plan;
mod request;
mod spec;
mod state;
mod stopping;
#[cfg(test)]
mod tests;

pub use action::{Action, Outcome};
pub use child::{Child, ChildState};
pub use spec::{
    AutoShutdown, Backoff, ChildSpec, Fallback, OnIntensity, RestartFrom, RestartType, Shutdown,
    Strategy, SupervisorSpec,
};
pub use state::Supervisor;
