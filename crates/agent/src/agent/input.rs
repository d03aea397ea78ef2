//! What an agent begins with. Plain data.

use super::boxed::Given;
use super::thread::Thread;
use crate::conversation::Verbatim;
use crate::workspace::Place;
use greenroom_model::ProcessId;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// What an agent begins with: words, an object that says more, or any other JSON,
/// which it is told as it is.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    /// What a run before this one has come to.
    Continued(Box<Continued>),
    /// A task that says more, or a chat.
    Task(Task),
    /// A task.
    Words(String),
    /// A task in JSON, or nothing.
    Other(Value),
}

/// A conversation that goes on in a new segment of the journal.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Continued {
    /// What was said and used up.
    pub thread: Thread,
    /// As it began.
    pub task: Task,
}

/// A task, or a chat.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// Whether it waits for more after each answer, instead of ending with it.
    #[serde(default)]
    pub chat: bool,
    /// How many agents stand above it.
    #[serde(default)]
    pub depth: u32,
    /// How many agents may stand above those it starts, if its definition does not say
    /// fewer: as the one that has started it may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth_max: Option<u32>,
    /// On whose behalf: tenants have equal shares of a model's queue. `None`: as its
    /// definition says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The workspace it works in, made by who has started it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<Home>,
    /// The box it works in, made by who has started it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_box: Option<Box<Given>>,
    /// Whether a part of somebody's budget was set aside for it, and for all above it
    /// since: it fails when that is used up, instead of waiting for more.
    #[serde(default, skip_serializing_if = "is_false")]
    pub allotted: bool,
    /// The context it shares ([`crate::context`]); without one it has its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<ProcessId>,
    /// Tools that were taken from the one that has started it, by name or pattern.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revoked: Vec<String>,
    /// Those it may speak to, by name: it is one of a swarm.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub peers: Vec<String>,
}

/// The workspace that an agent works in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Home {
    /// It.
    pub place: Place,
    /// Whether it was made for it; or else for one above it.
    pub own: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(is: &bool) -> bool {
    !*is
}

/// The first that it can be. serde's `untagged` would make a value of it first, and lose
/// what a provider sent.
impl<'de> Deserialize<'de> for Input {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Input, D::Error> {
        let json = Verbatim::deserialize(deserializer)?;
        if let Ok(continued) = json.read() {
            return Ok(Input::Continued(continued));
        }
        if let Ok(task) = json.read() {
            return Ok(Input::Task(task));
        }
        match json.read().map_err(D::Error::custom)? {
            Value::String(words) => Ok(Input::Words(words)),
            other => Ok(Input::Other(other)),
        }
    }
}

impl Input {
    /// The task, and the conversation so far if there is one.
    pub fn read(self) -> (Task, Option<Thread>) {
        let task = |words: String| Task { task: Some(words), ..Task::default() };
        match self {
            Input::Continued(continued) => (continued.task, Some(continued.thread)),
            Input::Task(task) => (task, None),
            Input::Words(words) => (task(words), None),
            Input::Other(Value::Null) => (Task { chat: true, ..Task::default() }, None),
            Input::Other(other) => (task(other.to_string()), None),
        }
    }
}
