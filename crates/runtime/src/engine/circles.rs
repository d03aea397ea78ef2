//! What is known of circles of calls: who was found stuck at the last look, and
//! which were broken. Knows no engine.

use greenroom_model::{ProcessNo, Seq};
use serde::Serialize;
use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many circles are remembered.
const KEPT: usize = 20;

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
    broken: Mutex<VecDeque<BrokenCircle>>,
}

impl Deadlocks {
    /// Who was found stuck at the last look.
    pub fn suspected(&self) -> MutexGuard<'_, BTreeSet<Vec<Standing>>> {
        self.suspected.lock().unwrap_or_else(PoisonError::into_inner)
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
