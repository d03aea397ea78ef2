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
