//! What is known of circles of calls: who was found stuck at the last look, who
//! has left memory while it waited, and which were broken. Knows no engine.

use greenroom_model::{ProcessNo, Seq};
use serde::Serialize;
use std::collections::{BTreeSet, VecDeque};
use std::ops::Bound;
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How many circles are remembered.
const KEPT: usize = 20;
/// How many of those that have left memory are brought back at once.
const BACK_AT_ONCE: usize = 100;
/// How long until the next are; twice as long with each time that all were, and
/// at most so long.
const BACK_AFTER: Duration = Duration::from_secs(1);
const BACK_AFTER_MAX: Duration = Duration::from_secs(60);

/// A circle of calls that was found and broken.
#[derive(Clone, Debug, Serialize)]
pub struct BrokenCircle {
    /// Each waited for the next, the last for the first; the first's call failed.
    pub members: Vec<String>,
    /// When.
    pub at_ms: u64,
}

/// Where a process stands: nothing has moved while this is the same.
pub(crate) type Standing = (ProcessNo, Seq);

#[derive(Default)]
pub(crate) struct Deadlocks {
    /// Somebody will look.
    pub armed: AtomicBool,
    seen: Mutex<LastLook>,
    /// Those that left memory while they waited for a reply.
    away: Mutex<Away>,
    broken: Mutex<VecDeque<BrokenCircle>>,
}

#[derive(Default)]
pub(crate) struct LastLook {
    /// Who was found stuck.
    pub stuck: BTreeSet<Standing>,
    /// Whose calls were followed to processes that are not in memory.
    pub followed: BTreeSet<Standing>,
}

/// A number for each, so that nobody is looked for in the store.
#[derive(Default)]
struct Away {
    numbers: BTreeSet<ProcessNo>,
    /// The last that was brought back.
    last: Option<ProcessNo>,
    /// How long until the next are; `None`: nobody will come for them.
    wait: Option<Duration>,
}

impl Deadlocks {
    /// What was seen at the last look.
    pub fn last_look(&self) -> MutexGuard<'_, LastLook> {
        lock(&self.seen)
    }

    /// A process leaves memory that waits for a reply. `true`: somebody is to
    /// come for those after [`Deadlocks::back_after`].
    pub fn leaves(&self, no: ProcessNo) -> bool {
        let mut away = lock(&self.away);
        away.numbers.insert(no);
        let first = away.wait.is_none();
        away.wait.get_or_insert(BACK_AFTER);
        first
    }

    /// Whether it left memory while it waited for a reply.
    pub fn is_away(&self, no: ProcessNo) -> bool {
        lock(&self.away).numbers.contains(&no)
    }

    /// It is in memory, or has ended.
    pub fn is_back(&self, no: ProcessNo) {
        lock(&self.away).numbers.remove(&no);
    }

    /// How long until some are brought back.
    pub fn back_after(&self) -> Duration {
        lock(&self.away).wait.unwrap_or(BACK_AFTER)
    }

    /// The next to be brought back, all in turn; `None`: there are none.
    pub fn next_back(&self) -> Option<Vec<ProcessNo>> {
        let mut away = lock(&self.away);
        if away.numbers.is_empty() {
            *away = Away::default();
            return None;
        }
        let from = away.last.map_or(Bound::Unbounded, Bound::Excluded);
        let next = away.numbers.range((from, Bound::Unbounded));
        let next: Vec<ProcessNo> = next.take(BACK_AT_ONCE).copied().collect();
        away.last = next.last().copied();
        if next.len() < BACK_AT_ONCE {
            away.last = None;
            away.wait = away.wait.map(|wait| (wait * 2).min(BACK_AFTER_MAX));
        }
        Some(next)
    }

    /// One was broken.
    pub fn note(&self, circle: BrokenCircle) {
        let mut broken = lock(&self.broken);
        if broken.len() == KEPT {
            broken.pop_front();
        }
        broken.push_back(circle);
    }

    /// The last that were.
    pub fn list(&self) -> Vec<BrokenCircle> {
        lock(&self.broken).iter().cloned().collect()
    }
}

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_brought_back_in_turn_ever_more_slowly() {
        let deadlocks = Deadlocks::default();
        assert!(deadlocks.next_back().is_none());
        let numbers = |range: std::ops::Range<i64>| range.map(ProcessNo).collect::<Vec<_>>();
        assert!(deadlocks.leaves(ProcessNo(0)));
        assert!(numbers(1..150).into_iter().all(|no| !deadlocks.leaves(no)));
        let mut waits = Vec::new();
        for _ in 0..10 {
            waits.push(deadlocks.back_after().as_secs());
            assert_eq!(deadlocks.next_back(), Some(numbers(0..100)));
            assert_eq!(deadlocks.next_back(), Some(numbers(100..150)));
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]);
        numbers(0..150).into_iter().for_each(|no| deadlocks.is_back(no));
        assert!(deadlocks.next_back().is_none());
        assert!(deadlocks.leaves(ProcessNo(7)), "somebody is to come again");
        assert_eq!(deadlocks.back_after(), BACK_AFTER);
    }
}
