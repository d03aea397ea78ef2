//! What comes out: actions, and how a supervisor ends.

use super::spec::RestartFrom;
use crate::ProcessId;
use serde::{Deserialize, Serialize};

/// What a supervisor is to do. Done in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Start this child for the first time.
    Start(ProcessId),
    /// Start it again, from there; with other code, if one is named.
    Restart {
        /// Whom.
        id: ProcessId,
        /// From where.
        from: RestartFrom,
        /// The name of the code to fall back to.
        fallback: Option<String>,
    },
    /// Ask it to stop. With `hold` it will be started again, so its mailbox
    /// stays; without, one that is down already is let go.
    Stop {
        /// Whom.
        id: ProcessId,
        /// Whether it is kept for a restart.
        hold: bool,
    },
    /// End it without a word.
    Kill {
        /// Whom.
        id: ProcessId,
        /// Whether it is kept for a restart.
        hold: bool,
    },
    /// Ask a person whether to restart it once more.
    Ask(ProcessId),
    /// End, like this.
    End(Outcome),
}

/// How a supervisor ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was asked to.
    Stopped(String),
    /// Its significant children have ended.
    AutoShutdown,
    /// It has restarted this child, and there were too many restarts.
    IntensityReached(ProcessId),
    /// This child cannot be started, and a restart would not help.
    StartFailed(ProcessId, String),
}
