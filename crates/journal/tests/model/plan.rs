//! What a random commit is to do, as small numbers that shrink well.

use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;

/// How many processes there can be.
pub const NAMES: u8 = 6;

/// One commit.
#[derive(Clone, Debug)]
pub struct Plan {
    pub actor: u8,
    pub outside: bool,
    pub stale: bool,
    pub old_epoch: bool,
    pub end: Option<u8>,
    pub consume: u8,
    pub sends: Vec<(u8, u8)>,
    pub spawns: Vec<PlannedSpawn>,
    pub watches: Vec<(u8, u8)>,
    pub asks: Vec<(u8, bool)>,
    pub state: Option<(u8, u8)>,
    pub request: Option<u8>,
    pub status: u8,
    pub wake: Option<u8>,
    pub version: Option<u8>,
    pub hub: Vec<(u8, u8)>,
    pub link: Option<(u8, bool)>,
    pub told: Option<u8>,
}

/// A process to start.
#[derive(Clone, Debug)]
pub struct PlannedSpawn {
    pub name: u8,
    pub parent: Option<u8>,
    pub watched: bool,
    pub ended: bool,
    pub watches: Option<u8>,
    pub turns: u8,
}

fn spawn() -> impl Strategy<Value = PlannedSpawn> {
    let parts = (
        0..NAMES,
        weighted(0.8, 0..4_u8),
        any::<bool>(),
        prop::bool::weighted(0.1),
        weighted(0.2, 0..NAMES),
        1..4_u8,
    );
    parts.prop_map(|(name, parent, watched, ended, watches, turns)| PlannedSpawn {
        name,
        parent,
        watched,
        ended,
        watches,
        turns,
    })
}

fn plan() -> impl Strategy<Value = Plan> {
    let who = (
        0..NAMES,
        prop::bool::weighted(0.15),
        prop::bool::weighted(0.05),
        prop::bool::weighted(0.02),
    );
    let what = (
        weighted(0.2, 0..4_u8),
        0..3_u8,
        vec((0..NAMES, 0..10_u8), 0..3),
        vec(spawn(), 0..2),
        vec((0..4_u8, 0..NAMES), 0..2),
        vec((0..4_u8, any::<bool>()), 0..2),
    );
    let how = (
        weighted(0.2, (0..3_u8, 0..5_u8)),
        weighted(0.1, 0..4_u8),
        0..7_u8,
        weighted(0.3, 0..5_u8),
        weighted(0.1, 1..4_u8),
        prop_oneof![3 => Just(Vec::new()), 1 => vec((0..9_u8, 0..3_u8), 1..4)],
        weighted(0.2, (0..NAMES, any::<bool>())),
        weighted(0.1, 0..3_u8),
    );
    (who, what, how).prop_map(|(who, what, how)| {
        let (actor, outside, stale, old_epoch) = who;
        let (end, consume, sends, spawns, watches, asks) = what;
        let (state, request, status, wake, version, hub, link, told) = how;
        Plan {
            actor,
            outside,
            stale,
            old_epoch,
            end,
            consume,
            sends,
            spawns,
            watches,
            asks,
            state,
            request,
            status,
            wake,
            version,
            hub,
            link,
            told,
        }
    })
}

/// Groups of commits.
pub fn groups() -> impl Strategy<Value = Vec<Vec<Plan>>> {
    vec(vec(plan(), 1..8), 1..12)
}
