//! The scenarios: each a registry of kinds, what users do, how the outside
//! behaves, and what must have come of it.

mod ask;
mod budget;
mod bulk;
mod chain;
mod choice;
mod circle;
mod counter;
mod crashloop;
mod crowd;
mod definition;
mod deploy;
mod family;
mod fanout;
mod fell;
mod fleet;
mod fork;
mod full;
mod hold;
mod hub;
mod latecomer;
mod letters;
mod link;
mod message;
mod once;
mod pingpong;
mod queue;
mod refund;
mod restart;
mod retry;
mod revive;
mod saga;
mod schedule;
mod stage;
mod supervise;
mod timer;
mod trace;
mod tree;
mod version;

pub use definition::{PLAIN, Scenario, effect, ends};

/// All scenarios.
pub const ALL: &[Scenario] = &[
    ask::SCENARIO,
    budget::SCENARIO,
    bulk::SCENARIO,
    chain::SCENARIO,
    choice::SCENARIO,
    circle::SCENARIO,
    counter::SCENARIO,
    crashloop::SCENARIO,
    crowd::SCENARIO,
    deploy::SCENARIO,
    family::SCENARIO,
    fanout::SCENARIO,
    fleet::SCENARIO,
    fell::SCENARIO,
    fork::SCENARIO,
    full::SCENARIO,
    hold::SCENARIO,
    latecomer::SCENARIO,
    letters::SCENARIO,
    hub::SCENARIO,
    link::SCENARIO,
    message::SCENARIO,
    once::SCENARIO,
    pingpong::SCENARIO,
    queue::SCENARIO,
    refund::SCENARIO,
    restart::SCENARIO,
    retry::SCENARIO,
    revive::SCENARIO,
    saga::SCENARIO,
    schedule::SCENARIO,
    stage::SCENARIO,
    supervise::SCENARIO,
    timer::SCENARIO,
    trace::SCENARIO,
    tree::SCENARIO,
    version::SCENARIO,
];

/// The scenario of this name.
pub fn named(name: &str) -> Option<&'static Scenario> {
    ALL.iter().find(|scenario| scenario.name == name)
}
