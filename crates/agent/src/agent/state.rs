//! What an agent says it is, in its state. Plain data.

use super::input::Home;
use crate::definition::{Allowance, Limits};
use serde::{Deserialize, Serialize};

/// The state in which an agent says what it is.
pub(super) const STATE: &str = "agent";

/// The state with the tools that were taken from it, by name or pattern.
pub(super) const REVOKED: &str = "revoked";

/// What an agent says it is.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct State {
    /// Its definition's name.
    pub name: String,
    /// Whether it waits for more after each answer.
    pub chat: bool,
    /// How many agents stand above it.
    pub depth: u32,
    /// How many agents may stand above those it starts.
    pub depth_max: u32,
    /// How many agents it may have at work at once.
    #[serde(default = "children_max")]
    pub children_max: u32,
    /// The workspace it works in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<Home>,
    /// The agents that have a workspace of their own when it starts them, unless it is
    /// said otherwise: as its run began, so that a definition may change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub isolated: Vec<String>,
    /// The agents that work in a branch of its box when it starts them, unless it is said
    /// otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub branched: Vec<String>,
    /// What each of those it starts may use up.
    #[serde(default, skip_serializing_if = "Allowance::is_empty")]
    pub child: Allowance,
    /// Whether what it uses up itself was set aside for it.
    #[serde(default)]
    pub allotted: bool,
    /// On whose behalf it works, and those it starts, if that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
}

fn children_max() -> u32 {
    Limits::default().children
}
