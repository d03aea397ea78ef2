//! What an agent tells those who watch, as it happens. Not journaled.

use crate::provider::Delta;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A value on an agent's live stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "live", rename_all = "snake_case")]
pub enum Live {
    /// A part of its model's reply.
    Reply {
        /// The part.
        #[serde(flatten)]
        delta: Delta,
    },
    /// The model is called, for the first time or again: what came of an attempt
    /// before counts no more.
    Thinking {
        /// Which model.
        model: String,
        /// Which attempt, from 1.
        attempt: u32,
    },
    /// Something that it needs is being started.
    Waiting {
        /// What: servers of tools, by name.
        r#for: Vec<String>,
    },
    /// A tool is called.
    ToolStarted {
        /// The call's id.
        id: String,
        /// The tool.
        name: String,
        /// Its arguments.
        arguments: Value,
    },
    /// A tool has returned.
    ToolDone {
        /// The call's id.
        id: String,
        /// Whether it went wrong.
        failed: bool,
        /// The beginning of what it returned.
        preview: String,
    },
}
