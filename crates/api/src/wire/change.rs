//! What people do to a process: cancel, pause, resume, restart, fork.

use greenroom_model::{ProcessId, Seq};
use greenroom_runtime as runtime;
use serde::{Deserialize, Serialize};

/// `POST …/cancel`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct CancelRequest {
    /// Why, for its history.
    #[serde(default)]
    pub reason: String,
    /// End it at once, without letting its code clean up.
    #[serde(default)]
    pub kill: bool,
    /// And all below it, down to the leaves.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tree: bool,
}

/// `POST …/restart`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RestartRequest {
    /// Where from.
    #[serde(default)]
    pub from: RestartFrom,
}

/// Where a restart begins: `"failure"`, `"start"` or `{"at":12}`.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RestartFrom {
    /// Before what made it fail.
    #[default]
    Failure,
    /// From the beginning, with fresh steps.
    Start,
    /// After this event; what follows no longer counts.
    At(Seq),
}

impl From<RestartFrom> for runtime::RestartFrom {
    fn from(from: RestartFrom) -> runtime::RestartFrom {
        match from {
            RestartFrom::Failure => runtime::RestartFrom::Failure,
            RestartFrom::Start => runtime::RestartFrom::Start,
            RestartFrom::At(seq) => runtime::RestartFrom::At(seq),
        }
    }
}

/// `POST …/fork`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ForkRequest {
    /// The last event of the common history; the whole one if it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Seq>,
    /// The key of the new process; a random one if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// The process that was changed, or made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Changed {
    /// Its id.
    pub id: ProcessId,
}
