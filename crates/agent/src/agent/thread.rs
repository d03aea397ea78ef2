//! A conversation as its agent keeps it. Plain data; knows no process.

use super::guard::Watch;
use super::kept::Kept;
use super::notes::Notes;
use crate::conversation::{Message, Raw};
use crate::provider::Usage;
use greenroom_model::ProcessId;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A conversation, what it has taken, and what it has come to.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Thread {
    /// What the model is told: all that was said, or a summary and what came after.
    pub messages: Vec<Message>,
    /// Which of all that were said each of these is, from 1; 0: a summary.
    pub places: Vec<u32>,
    /// How many messages were said in all.
    pub said: u32,
    /// What all calls have taken.
    pub usage: Usage,
    /// What all calls have cost, in millionths.
    pub money_micro: u64,
    /// Tokens of the last request, and of the reply to it.
    pub tokens_last: u64,
    /// How often the conversation was made shorter.
    pub compactions: u32,
    /// Those times that were not taken back.
    pub standing: Vec<u32>,
    /// What the last time has left out, in its providers' own form, for it to be taken
    /// back: the state has the words alone.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub left_out: BTreeMap<u32, Raw>,
    /// Not made shorter below so many tokens: a compaction was taken back.
    pub hold: u64,
    /// Messages that always stay as they are.
    pub pinned: BTreeSet<u32>,
    /// The model to use instead of the definition's.
    pub fallback: Option<String>,
    /// Agents that it has started and that have not ended.
    pub team: Vec<ProcessId>,
    /// What they have told that is no reason to think, until there is one.
    pub notes: Notes,
    /// Tools that it may not use any more, by name or pattern.
    pub revoked: Vec<String>,
    /// How many messages of its peers it has taken in.
    pub peer_heard: u64,
    /// What the guardrails have seen.
    pub watch: Watch,
    /// Results that were too long for the model, by handle.
    pub kept: Kept,
}

/// Where a message stands in the agent's state.
pub(super) fn key(place: u32) -> String {
    format!("thread/{place:06}")
}
