//! What a swarm's talk comes to. Pure.

use greenroom_model::Failure;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The kind of failure of a swarm that has come to no result.
pub const NO_RESULT: &str = "no_result";

/// Makes a result of each member's last words.
pub(super) type Reduce =
    Arc<dyn Fn(&BTreeMap<String, String>) -> Result<Value, Failure> + Send + Sync>;

/// Who says the result.
#[derive(Clone)]
pub(super) enum Conclusion {
    /// Everybody: the last words by name.
    Words,
    /// This member.
    Member(String),
    /// This code.
    Reduce(Reduce),
}

/// Why a talk is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Ended {
    /// Nobody has anything to do.
    Quiet,
    /// The messages are used up.
    Budget,
    /// The time is.
    Deadline,
}

impl Ended {
    /// In words, for its members.
    pub fn words(self) -> &'static str {
        match self {
            Ended::Quiet => "nobody has anything to add",
            Ended::Budget => "its messages are used up",
            Ended::Deadline => "its time is up",
        }
    }
}

/// The result, with how it has come about.
pub(super) fn report(result: &Value, ended: Ended, messages: u64) -> Value {
    json!({ "result": result, "ended": ended, "messages": messages })
}

/// What most have said last.
pub(super) fn vote(words: &BTreeMap<String, String>) -> Result<Value, Failure> {
    let plain = |words: &str| {
        words.trim_matches(|c: char| c.is_whitespace() || ".!\"'`".contains(c)).to_lowercase()
    };
    let votes: Vec<String> = words.values().map(|one| plain(one)).collect();
    let count = |vote: &String| votes.iter().filter(|one| one == &vote).count();
    let mut best: Option<(&String, usize)> = None;
    for vote in votes.iter().filter(|vote| !vote.is_empty()) {
        let count = count(vote);
        if best.is_none_or(|(_, most)| count > most) {
            best = Some((vote, count));
        }
    }
    match best {
        Some((vote, _)) => Ok(json!(vote)),
        None => Err(Failure::fatal(NO_RESULT, "nobody has voted")),
    }
}
