//! Messages from outside.

use super::Given;
use serde::{Deserialize, Serialize};

/// `POST …/messages`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MessageRequest {
    /// What it is about; `message` if it is not said.
    #[serde(default = "plain")]
    pub topic: String,
    /// What it says.
    #[serde(default)]
    pub body: Given,
}

fn plain() -> String {
    "message".to_owned()
}

/// The message is in the mailbox, and durable.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MessageTaken {
    /// A request with the same key put it there before.
    pub repeated: bool,
}
