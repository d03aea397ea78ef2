//! How events and processes read to people. Pure: facts in, text out.

mod budget;
mod cost;
mod dead;
mod fact;
mod history;
mod live;
mod plain;
mod process;
mod queue;
mod schedule;
mod short;
mod span;
mod trace;
mod tree;
mod waits;

#[cfg(test)]
mod tests;

pub use budget::{amounts, budget, used_up};
pub use cost::{Cost, costs, payments};
pub use dead::{dead, letter, numbers};
pub use history::{Detail, facts, header, render};
pub use live::Live;
pub use plain::{is_unsafe, plain, plain_json};
pub use process::{asks, places, processes};
pub use queue::{pressure, queues};
pub use schedule::{schedule, schedules};
pub use short::{one_line, short};
pub use span::{span, until};
pub use trace::TraceLines;
pub use tree::tree;
