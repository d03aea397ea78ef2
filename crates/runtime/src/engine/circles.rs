//! What is known of circles of calls: who was found stuck at the last look, and
//! which were broken. Knows no engine.

use greenroom_model::{Millis, ProcessNo, Seq};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How many circles are remembered.
const KEPT: usize = 20;

/// How many that wait for replies are brought back for a look, and for how long
/// each: whoever waits for longer has been looked at.
const PUT_AWAY_MAX: usize = 1_000;
const PUT_AWAY_KEPT: Duration = Duration::from_secs(10);

/// A circle of calls that was found and broken.
#[derive(Clone, Debug, Serialize)]
pub struct BrokenCircle {
    /// Each waited for the next, the last for the first; the first's call failed.
    pub members: Vec<String>,
    /// When.
    pub at_ms: u64,
}

/// Where a process stands: nothing has moved while this is the same.
pub(super) type Standing = (ProcessNo, Seq);

#[derive(Default)]
pub(crate) struct Deadlocks {
    /// Somebody will look.
    pub armed: AtomicBool,
    /// Who was found stuck at the last look.
    suspected: Mutex<BTreeSet<Vec<Standing>>>,
    /// Those that went from memory while they waited for replies, since when.
    put_away: Mutex<BTreeMap<ProcessNo, Millis>>,
    broken: Mutex<VecDeque<BrokenCircle>>,
}

impl Deadlocks {
    /// Who was found stuck at the last look.
    pub fn suspected(&self) -> MutexGuard<'_, BTreeSet<Vec<Standing>>> {
        self.suspected.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One that waits for replies goes from memory. Whether anybody is to look.
    pub fn put_away(&self, no: ProcessNo, now: Millis) -> bool {
        let mut put_away = self.put_away.lock().unwrap_or_else(PoisonError::into_inner);
        let room = put_away.len() < PUT_AWAY_MAX || put_away.contains_key(&no);
        if room {
            put_away.entry(no).or_insert(now);
        }
        room
    }

    /// Those that went not long ago.
    pub fn lately_put_away(&self, now: Millis) -> Vec<ProcessNo> {
        let mut put_away = self.put_away.lock().unwrap_or_else(PoisonError::into_inner);
        put_away.retain(|_, since| now.since(*since) < PUT_AWAY_KEPT);
        put_away.keys().copied().collect()
    }

    /// One was broken.
    pub fn note(&self, circle: BrokenCircle) {
        let mut broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        if broken.len() == KEPT {
            broken.pop_front();
        }
        broken.push_back(circle);
    }

    /// The last that were.
    pub fn list(&self) -> Vec<BrokenCircle> {
        let broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        broken.iter().cloned().collect()
    }
}
