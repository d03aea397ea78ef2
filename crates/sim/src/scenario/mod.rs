//! The scenarios: each a registry of kinds, what users do, how the outside
//! behaves, and what must have come of it.

mod ask;
mod bulk;
mod chain;
mod choice;
mod counter;
mod crowd;
mod deploy;
mod family;
mod fork;
mod hold;
mod message;
mod once;
mod pingpong;
mod refund;
mod restart;
mod retry;
mod revive;
mod saga;
mod timer;
mod tree;
mod version;

use crate::outside::Outside;
use crate::run::Run;
use crate::user::User;
use greenroom_runtime::Registry;

/// A scenario.
pub struct Scenario {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it shows.
    pub about: &'static str,
    /// The kinds.
    pub registry: fn(&Outside) -> Registry,
    /// How the outside behaves.
    pub outside: fn(&Outside),
    /// What people do.
    pub users: fn() -> Vec<User>,
    /// What is wrong with how it ended.
    pub expect: fn(&Run) -> Vec<String>,
    /// Every run must end as the one without faults does.
    pub exact: bool,
    /// It waits for no time, so that the clock may jump far ahead.
    pub timeless: bool,
    /// How many processes may stay in memory; by default chance decides.
    pub resident_max: Option<usize>,
}

/// All scenarios.
pub const ALL: &[Scenario] = &[
    ask::SCENARIO,
    bulk::SCENARIO,
    chain::SCENARIO,
    choice::SCENARIO,
    counter::SCENARIO,
    crowd::SCENARIO,
    deploy::SCENARIO,
    family::SCENARIO,
    fork::SCENARIO,
    hold::SCENARIO,
    message::SCENARIO,
    once::SCENARIO,
    pingpong::SCENARIO,
    refund::SCENARIO,
    restart::SCENARIO,
    retry::SCENARIO,
    revive::SCENARIO,
    saga::SCENARIO,
    timer::SCENARIO,
    tree::SCENARIO,
    version::SCENARIO,
];

/// The scenario of this name.
pub fn named(name: &str) -> Option<&'static Scenario> {
    ALL.iter().find(|scenario| scenario.name == name)
}

/// What most scenarios are.
const PLAIN: Scenario = Scenario {
    name: "",
    about: "",
    registry: |_| Registry::new(),
    outside: |_| {},
    users: Vec::new,
    expect: |_| Vec::new(),
    exact: true,
    timeless: false,
    resident_max: None,
};

/// A process must have ended so.
fn ends(run: &Run, id: &str, wanted: &str) -> Vec<String> {
    let end = run.seen.end(id);
    if end == wanted { Vec::new() } else { vec![format!("{id} ended as `{end}`, not `{wanted}`")] }
}

/// The outside must have seen a name take effect so often.
fn effect(run: &Run, name: &str, wanted: u64) -> Vec<String> {
    let count = run.effects.get(name).copied().unwrap_or(0);
    if count == wanted { Vec::new() } else { vec![format!("{name} took effect {count} times, not {wanted}")] }
}
