//! What a swarm is: its members and its limits. Knows no process.

use super::conclude::{self, Conclusion};
use greenroom_model::Failure;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The kind of failure of a swarm that cannot be.
pub const BAD_SWARM: &str = "bad_swarm";

/// The most messages a swarm may be given: each is two hops further from where all
/// began, and a thousand hops are taken for a loop.
const MESSAGES_MAX: u64 = 300;

/// A durable process whose members are agents that speak to each other.
///
/// ```
/// use greenroom_agent::architecture::Swarm;
/// use greenroom_runtime::Registry;
/// use std::time::Duration;
///
/// let registry = Swarm::new("panel")
///     .member("optimist")
///     .member("sceptic")
///     .messages(20)
///     .deadline(Duration::from_secs(600))
///     .concluded_by("sceptic")
///     .register(Registry::new());
/// ```
///
/// What it is started with is every member's task. It ends when all members listen
/// and no message is under way, when the messages are used up, or at the deadline,
/// whichever comes first: `{"result": …, "ended": "quiet" | "budget" | "deadline",
/// "messages": 7}`. What was said stands in its state, `talk/…`. Killed anywhere, it
/// goes on where it was.
#[derive(Clone)]
pub struct Swarm {
    pub(super) name: String,
    pub(super) members: Vec<String>,
    pub(super) messages: u64,
    pub(super) deadline: Duration,
    pub(super) conclusion: Conclusion,
}

impl Swarm {
    /// One without members; its name is its kind. It may say 50 messages in 30 minutes,
    /// and its result is each member's last words by name.
    pub fn new(name: &str) -> Swarm {
        Swarm {
            name: name.to_owned(),
            members: Vec::new(),
            messages: 50,
            deadline: Duration::from_secs(30 * 60),
            conclusion: Conclusion::Words,
        }
    }

    /// Adds a member: an agent of the folder's, or registered by the program. It has
    /// one tool more, `tell_peer`.
    pub fn member(mut self, agent: &str) -> Swarm {
        self.members.push(agent.to_owned());
        self
    }

    /// How many messages members may tell each other in all, 300 at the most. One to all
    /// counts once for each who hears it.
    pub fn messages(mut self, most: u64) -> Swarm {
        self.messages = most;
        self
    }

    /// How long they may talk.
    pub fn deadline(mut self, limit: Duration) -> Swarm {
        self.deadline = limit;
        self
    }

    /// Has a member say the result, once the talk is over. It has five minutes for it.
    pub fn concluded_by(mut self, member: &str) -> Swarm {
        self.conclusion = Conclusion::Member(member.to_owned());
        self
    }

    /// Makes the result of each member's last words by name, as code that reaches
    /// nothing outside: it is run again at a replay.
    pub fn concluded(
        mut self,
        by: impl Fn(&BTreeMap<String, String>) -> Result<Value, Failure> + Send + Sync + 'static,
    ) -> Swarm {
        self.conclusion = Conclusion::Reduce(Arc::new(by));
        self
    }

    /// The result is what most members say last, as far as case and the spaces and dots
    /// around it do not matter; of several that are said as often, what comes first in
    /// the order of the members' names.
    pub fn vote(self) -> Swarm {
        self.concluded(conclude::vote)
    }

    /// Whether it can be.
    pub(super) fn check(&self) -> Result<(), String> {
        let name = &self.name;
        let twice = |member: &&String| self.members.iter().filter(|one| one == member).count() > 1;
        if self.members.len() < 2 {
            return Err(format!("the swarm `{name}` needs two members or more: `.member(…)`"));
        }
        if let Some(member) = self.members.iter().find(twice) {
            return Err(format!("`{member}` is in the swarm `{name}` twice"));
        }
        if self.members.iter().any(|member| member == crate::agent::peer::ALL) {
            return Err("no member can be called `all`: that is what all are called".to_owned());
        }
        if !(1..=MESSAGES_MAX).contains(&self.messages) {
            let most = self.messages;
            return Err(format!(
                "the swarm `{name}` may say {most} messages: 1 to {MESSAGES_MAX} can be"
            ));
        }
        match &self.conclusion {
            Conclusion::Member(member) if !self.members.contains(member) => Err(format!(
                "`{member}` is to conclude the swarm `{name}` and is none of its members"
            )),
            _ => Ok(()),
        }
    }
}
