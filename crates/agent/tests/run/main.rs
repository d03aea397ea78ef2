//! Runs of agents on a real node with a model's server that goes by a script: what
//! the loop does about limits, wrong answers, long results, people.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "what a test expects and does not find fails it"
)]

mod changed;
mod guard;
mod house;
mod output;
mod rules;
mod tools;
