//! Messages that no process took.

use greenroom_model::{Content, Failure, Millis, Origin, ProcessId};
use greenroom_runtime::journal;
use serde::{Deserialize, Serialize};

/// Dead letters, newest first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeadLetters {
    /// The letters.
    pub dead: Vec<DeadLetter>,
}

/// `GET /v1/dead?…`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LetterQuery {
    /// Only those for this process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Only those whose reason contains this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Only those with a lower number (for paging).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<i64>,
    /// At most this many; 100 if it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// `POST /v1/dead/requeue`: all of them or none.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequeueRequest {
    /// Their numbers.
    pub letters: Vec<i64>,
    /// To whom; by default to whom they were sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<ProcessId>,
}

/// They have been sent again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Requeued {
    /// Which.
    pub requeued: Vec<i64>,
}

/// `POST /v1/dead/drop`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DropRequest {
    /// Their numbers: all of them or none.
    #[serde(default)]
    pub letters: Vec<i64>,
    /// Instead: all there are, as far as the rest says.
    #[serde(default)]
    pub all: bool,
    /// Of all only those given up so long ago.
    #[serde(default)]
    pub older_than_ms: u64,
    /// Of all only those for this process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<ProcessId>,
    /// Of all only those whose reason contains this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// They are gone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Dropped {
    /// How many.
    pub dropped: u64,
}

/// A message that no process took.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Its place among them.
    pub no: i64,
    /// Whom it was for.
    pub to: ProcessId,
    /// Who sent it.
    pub from: Origin,
    /// What it says.
    pub content: Content,
    /// The request it goes back to.
    pub root: String,
    /// Messages and spawns between the root and it.
    pub hops: u32,
    /// What its process ended with each time it handled it, if that is why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub crashes: Vec<Failure>,
    /// When it was given up.
    pub at: Millis,
    /// Why.
    pub reason: String,
}

impl From<journal::DeadLetter> for DeadLetter {
    fn from(letter: journal::DeadLetter) -> DeadLetter {
        let journal::DeadLetter { no, to, from, content, root, hops, crashes, at, reason } = letter;
        DeadLetter { no, to, from, content, root, hops, crashes, at, reason }
    }
}
