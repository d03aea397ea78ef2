//! What happens in a conversation, for people and programs.

use greenroom_model::budget::Spend;
use greenroom_model::{Millis, ProcessId};
use serde::Serialize;
use serde_json::Value;

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Happening {
    /// Words of a person, or of another process.
    Heard {
        /// The words.
        text: String,
    },
    /// Word of another agent, or of the agent's own guardrails, to the one that is
    /// talked to.
    Told {
        /// The words.
        text: String,
        /// Whether it is a question, which is told by itself for as long as it is open.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        asked: bool,
    },
    /// The next words of the agent, as they come.
    Delta {
        /// The words.
        text: String,
    },
    /// What was streamed counts no more: the model is asked again.
    Again {
        /// Which attempt, from 1.
        attempt: u32,
    },
    /// The agent's words, whole. `streamed`: all of them were told before.
    Said {
        /// The words.
        text: String,
        /// Whether they were told as they came.
        streamed: bool,
    },
    /// The agent's last words were cut: a limit of the reply's length was reached.
    Cut,
    /// An attempt at a call of the model or a tool has failed; it is made again.
    Retrying {
        /// Which: `model NAME`, `tool NAME`.
        step: String,
        /// Which attempt, from 1.
        attempt: u32,
        /// Why it failed.
        cause: String,
        /// When it is made again.
        retry_at: Millis,
    },
    /// A model is not asked any more.
    GaveUp {
        /// Which.
        step: String,
        /// Why.
        cause: String,
    },
    /// It does not go on before somebody says something.
    GivenUp {
        /// Why.
        cause: String,
    },
    /// Something that it needs is being started.
    Starting {
        /// What.
        what: Vec<String>,
    },
    /// A call stands in a queue.
    Queued {
        /// Which.
        step: String,
        /// The queue, and how it is there.
        queue: String,
    },
    /// It waits for its budget to be raised.
    Unpaid {
        /// Whose budget pays.
        account: ProcessId,
        /// What it needs of it.
        need: Spend,
    },
    /// It cannot go on by itself.
    Parked {
        /// Why.
        reason: String,
    },
    /// A person holds it.
    Paused,
    /// It goes on.
    Resumed,
    /// A tool is to be called.
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
        /// The tool.
        name: String,
        /// Whether it went wrong.
        failed: bool,
        /// The beginning of what it returned.
        preview: String,
    },
    /// Which model answers, by its own name.
    Model {
        /// The name.
        name: String,
        /// It is a recording: no model is asked.
        recorded: bool,
    },
    /// It waits for the next word.
    Listening,
}

impl Happening {
    /// Whether it counts only for as long as it lasts.
    pub fn is_trouble(&self) -> bool {
        use Happening::*;
        matches!(
            self,
            Retrying { .. }
                | GaveUp { .. }
                | GivenUp { .. }
                | Starting { .. }
                | Queued { .. }
                | Unpaid { .. }
                | Parked { .. }
                | Paused
                | Resumed
        )
    }
}
