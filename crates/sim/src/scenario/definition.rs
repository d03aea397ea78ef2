//! What a scenario is, and what most of them share. Knows none of them.

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
    /// Its steps take nodes down, even without faults.
    pub crashes: bool,
    /// How many processes may stay in memory; by default chance decides.
    pub resident_max: Option<usize>,
    /// How long a boot takes that follows a crash, at least.
    pub downtime_ms: u64,
}

/// What most scenarios are.
pub const PLAIN: Scenario = Scenario {
    name: "",
    about: "",
    registry: |_| Registry::new(),
    outside: |_| {},
    users: Vec::new,
    expect: |_| Vec::new(),
    exact: true,
    timeless: false,
    crashes: false,
    resident_max: None,
    downtime_ms: 5,
};

/// A process must have ended so.
pub fn ends(run: &Run, id: &str, wanted: &str) -> Vec<String> {
    let end = run.seen.end(id);
    if end == wanted { Vec::new() } else { vec![format!("{id} ended as `{end}`, not `{wanted}`")] }
}

/// The outside must have seen a name take effect so often.
pub fn effect(run: &Run, name: &str, wanted: u64) -> Vec<String> {
    let count = run.effects.get(name).copied().unwrap_or(0);
    if count == wanted {
        Vec::new()
    } else {
        vec![format!("{name} took effect {count} times, not {wanted}")]
    }
}
