//! One child as its supervisor sees it.

use super::spec::ChildSpec;
use crate::{Millis, ProcessId};
use serde::{Deserialize, Serialize};

/// A child and what it is doing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Child {
    /// The process.
    pub id: ProcessId,
    /// What was said of it.
    pub spec: ChildSpec,
    /// What it is doing.
    pub state: ChildState,
    /// Restarts in a row, for the back-off and the fallback.
    pub(super) restarts: u32,
    /// When it was last started.
    pub(super) started_at: Millis,
    /// It runs its fallback's code.
    pub(super) fallen_back: bool,
}

/// What a child is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChildState {
    /// It runs, as far as its supervisor has heard.
    Running,
    /// It was asked to stop; killed at this point in time, if there is one.
    Stopping(Option<Millis>),
    /// It has ended and will be restarted at this point in time.
    Waiting(Millis),
    /// It has ended by itself, and what becomes of it is decided after the stop
    /// that is under way.
    Down,
    /// It has ended too often; a person is asked.
    Asked,
    /// It has ended, its specification stays.
    Stopped,
}

impl Child {
    pub(super) fn new(id: ProcessId, spec: ChildSpec, at: Millis) -> Child {
        let state = ChildState::Running;
        Child { id, spec, state, restarts: 0, started_at: at, fallen_back: false }
    }

    /// Counts one more restart in a row, which a long enough run has ended.
    pub(super) fn count_restart(&mut self, at: Millis) {
        let ran = at.since(self.started_at);
        let long = self.spec.backoff.max_ms.max(CALM_MS);
        if u64::try_from(ran.as_millis()).unwrap_or(u64::MAX) > long {
            self.restarts = 0;
        }
        self.restarts = self.restarts.saturating_add(1);
    }

    /// The code it is to fall back to at this restart, if it is.
    pub(super) fn fall_back(&mut self) -> Option<String> {
        let fallback = self.spec.fallback.as_ref()?;
        if self.fallen_back || self.restarts <= fallback.after_restarts {
            return None;
        }
        self.fallen_back = true;
        Some(fallback.kind.clone())
    }
}

/// A child that has run for this long without back-off is not in a row of
/// restarts any more.
const CALM_MS: u64 = 60_000;
