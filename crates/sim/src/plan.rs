//! What is to go wrong in a run: named points, or the weather. Plain data.

use crate::chance::Chance;
use std::collections::{BTreeMap, BTreeSet};

/// A run: the scenario's seed and its faults.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Decides every choice of the run.
    pub seed: u64,
    /// The node crashes before these actions.
    pub crash_before: BTreeSet<u64>,
    /// What happens to these group commits, counted over the whole run.
    pub commit_faults: BTreeMap<u64, CommitFault>,
    /// Faults by chance.
    pub weather: Option<Weather>,
    /// Tell every action.
    pub trace: bool,
}

/// What happens to a group commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitFault {
    /// Nothing is written; the store says so.
    Error,
    /// All is written, and the store says that it failed.
    LostAck,
    /// The first part of the group is written, and the store says that it
    /// failed.
    Torn,
    /// All is written, then the node crashes before it hears of it.
    WrittenThenCrash,
    /// The first part is written, then the node crashes.
    TornThenCrash,
}

impl CommitFault {
    /// Every fault.
    pub const ALL: [CommitFault; 5] = [
        CommitFault::Error,
        CommitFault::LostAck,
        CommitFault::Torn,
        CommitFault::WrittenThenCrash,
        CommitFault::TornThenCrash,
    ];
}

/// How often what goes wrong, per thousand chances.
#[derive(Clone, Debug)]
pub struct Weather {
    /// A crash before an action.
    pub crash: u64,
    /// A fault of a commit.
    pub commit: u64,
    /// A read of the store that fails.
    pub read: u64,
    /// A second node takes the lease while the first goes on.
    pub rival: u64,
    /// The wall clock is set back, or a little forward.
    pub jump: u64,
    /// Time passes although there is work.
    pub drift: u64,
    /// All idle memory is dropped.
    pub passivate: u64,
    /// How many faults a run has at most, so that it ends.
    pub faults_max: u32,
}

impl Plan {
    /// No faults.
    pub fn calm(seed: u64) -> Plan {
        Plan { seed, ..Plan::default() }
    }

    /// All faults by chance, some seeds stormier than others.
    pub fn stormy(seed: u64) -> Plan {
        let mut chance = Chance::new(seed.wrapping_mul(0x2545_F491_4F6C_DD1D));
        let mut often = |most: u64| if chance.hit(300) { 0 } else { chance.below(most) };
        let weather = Weather {
            crash: often(60),
            commit: often(200),
            read: often(80),
            rival: often(30),
            jump: often(20),
            drift: often(100),
            passivate: often(100),
            faults_max: 14,
        };
        Plan { seed, weather: Some(weather), ..Plan::default() }
    }
}
