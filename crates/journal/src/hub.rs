//! Names, groups and topics as the store knows them: what a commit does with
//! them, and how it answers. Knows no storage.

use greenroom_model::{
    Audience, Content, Failure, Lookup, Op, Origin, Payload, Place, ProcessId, ProcessNo, failure,
    pattern,
};
use serde::{Deserialize, Serialize};

/// To how many processes one commit publishes; for the rest it is asked again.
pub const PUBLISH_MAX: usize = 1_000;
/// How many processes an answer names at most.
pub(crate) const LOOKUP_MAX: usize = 10_000;

/// One thing a commit does with names, groups and topics.
#[derive(Clone, Debug)]
pub enum HubWork {
    /// The process is found there from now on. A name is one process's: `op`
    /// hears whether it got it.
    Join {
        /// Where.
        place: Place,
        /// Who hears of it.
        op: Option<Op>,
    },
    /// It is no longer found there.
    Leave {
        /// Where.
        place: Place,
    },
    /// It is no longer found anywhere.
    LeaveAll,
    /// `op` hears the answer.
    Lookup {
        /// Who hears it.
        op: Op,
        /// The question.
        lookup: Lookup,
    },
    /// A message to many.
    Publish(Publish),
}

/// A message to all who hear a topic or are in a group: once to each, to at most
/// [`PUBLISH_MAX`] in one commit.
#[derive(Clone, Debug)]
pub struct Publish {
    /// Hears how many were told, if it is a process that publishes.
    pub op: Option<Op>,
    /// To whom.
    pub to: Audience,
    /// Its topic.
    pub topic: String,
    /// Who says it.
    pub from: Origin,
    /// What it says.
    pub content: Content,
    /// The request it goes back to.
    pub root: String,
    /// Messages and spawns between the root and it.
    pub hops: u32,
    /// Only to processes with a higher number: the others have been told.
    pub after: ProcessNo,
    /// To so many at most, where a budget pays for no more.
    pub at_most: Option<u32>,
}

/// What came of a publish.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// How many processes it was appended for.
    pub told: u64,
    /// There are more: ask again from here on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<ProcessNo>,
}

/// A process in a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaceRow {
    /// The place.
    pub place: Place,
    /// Who is found there.
    pub process: ProcessId,
}

/// Which places to list, by key and then in the order their processes were
/// started.
#[derive(Clone, Debug)]
pub struct Places {
    /// One of the sort that is asked for; with a text, only that one.
    pub like: Place,
    /// At most this many.
    pub limit: usize,
}

impl Places {
    /// The keys from the first (inclusive) to the second (exclusive).
    pub(crate) fn keys(&self) -> (String, String) {
        let key = self.like.key();
        match self.like.text() {
            // `;` comes after `:`.
            "" => (key, format!("{};", self.like.sort())),
            _ => (key.clone(), format!("{key}\u{1}")),
        }
    }
}

impl Publish {
    /// The keys of all places it reaches.
    pub(crate) fn keys(&self) -> Vec<String> {
        match &self.to {
            Audience::Group(group) => vec![Place::Group(group.clone()).key()],
            Audience::Subscribers => pattern::patterns(&self.topic)
                .into_iter()
                .map(|pattern| Place::Topic(pattern).key())
                .collect(),
        }
    }

    /// Whom to tell now, of the first of those it reaches, in order and without
    /// doubles; what came of it.
    pub(crate) fn cut(&self, reached: &mut Vec<ProcessNo>) -> Published {
        let most = self.at_most.map_or(PUBLISH_MAX, |most| PUBLISH_MAX.min(most as usize));
        let more = reached.len() > most;
        reached.truncate(most);
        Published { told: reached.len() as u64, after: reached.last().copied().filter(|_| more) }
    }
}

/// The answer to an operation.
pub(crate) fn answer(op: Op, value: &impl Serialize) -> Content {
    let result = Payload::of(value);
    let bad =
        |error: greenroom_model::Error| Failure::fatal(failure::BAD_PAYLOAD, error.to_string());
    Content::Reply { op, result: result.map_err(bad) }
}

/// The answer to who wants a name that another has.
pub(crate) fn taken(op: Op, place: &Place, by: &ProcessId) -> Content {
    let words = format!("{by} has the {place}");
    Content::Reply { op, result: Err(Failure::fatal(failure::ALREADY_REGISTERED, words)) }
}
