//! Processes on the wire: starting one, listing them, how one ended.

use super::Given;
use greenroom_model::budget::Budget;
use greenroom_model::{Exit, Millis, ProcessId, ProcessNo, Seq, Status};
use greenroom_runtime::BlockedBy;
use greenroom_runtime::journal::ProcessRow;
use serde::{Deserialize, Serialize};

/// `POST /v1/processes`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartRequest {
    /// The kind's name; or `name@version`, and the process stays on that one.
    pub kind: String,
    /// The key; a random one if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The code's argument; `null` if there is none.
    #[serde(default)]
    pub input: Given,
    /// How much it may use up, with all that comes of it: `{"messages": 1000}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
}

/// The process of that id.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Started {
    /// Its id.
    pub id: ProcessId,
    /// Whether this request started it; `false`: it was there.
    pub created: bool,
}

/// `GET /v1/processes?…`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    /// Only these statuses, separated by commas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Only this kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Only children of this process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Only what goes back to this request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// Only those after the one with this `no`, in the order of the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<i64>,
    /// At most this many; 100 if it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Newest first instead of oldest first.
    #[serde(default)]
    pub newest: bool,
}

/// Some processes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Processes {
    /// In the order asked for.
    pub processes: Vec<Process>,
}

/// A process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Process {
    /// Its id.
    pub id: ProcessId,
    /// Its kind's name.
    pub kind: String,
    /// Its kind's version.
    pub version: u32,
    /// What it does.
    pub status: Status,
    /// The queue in which a step of it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// Whose mailbox must have room, or whose budget more, before it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked_by: Option<BlockedBy>,
    /// Who spawned it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ProcessId>,
    /// It goes its own way: a cancel of the parent's tree does not reach it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub detached: bool,
    /// The request it goes back to.
    pub root: String,
    /// How many events its journal has.
    pub events: Seq,
    /// When it is to be woken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wake_at: Option<Millis>,
    /// When it was started.
    pub started_at: Millis,
    /// When its last turn was committed.
    pub changed_at: Millis,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<Exit>,
    /// The store's number of it, for paging.
    pub no: ProcessNo,
}

impl From<ProcessRow> for Process {
    fn from(row: ProcessRow) -> Process {
        Process {
            id: row.id,
            kind: row.kind.name.as_ref().to_owned(),
            version: row.kind.version,
            status: row.status,
            // Only the node knows: it is not in the store.
            queue: None,
            blocked_by: None,
            parent: row.parent,
            detached: row.detached,
            root: row.root,
            events: row.seq,
            wake_at: row.wake_at,
            started_at: row.started_at,
            changed_at: row.changed_at,
            exit: row.exit,
            no: row.no,
        }
    }
}

/// How a process ended, if it has.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// `null`: not yet.
    pub exit: Option<Exit>,
}
