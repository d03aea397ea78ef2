//! An error on the wire.

use serde::{Deserialize, Serialize};

/// `{"error":{…}}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ErrorBody {
    /// What went wrong.
    pub error: ErrorWords,
}

/// What went wrong, for programs and for people.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ErrorWords {
    /// A short stable word for programs.
    pub code: String,
    /// What happened.
    pub message: String,
    /// What to do, where the message does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
