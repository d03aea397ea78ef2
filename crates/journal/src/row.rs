//! What is read back from a store.

use crate::Error;
use greenroom_model::{
    AskSpec, Content, Event, Exit, Failure, Kind, Mark, Message, Millis, Op, Origin, Payload,
    ProcessId, ProcessNo, Seq, Shard, Status, Sum,
};
use serde::Deserializer;
use serde::de::{SeqAccess, Visitor};
use std::fmt;

/// A process as `ps` sees it.
#[derive(Clone, Debug)]
pub struct ProcessRow {
    /// The store's number of it.
    pub no: ProcessNo,
    /// Its name.
    pub id: ProcessId,
    /// Its code.
    pub kind: Kind,
    /// Its shard.
    pub shard: Shard,
    /// Who spawned it.
    pub parent: Option<ProcessId>,
    /// The parent's operation that did.
    pub parent_op: Option<Op>,
    /// It goes its own way: a cancel of the parent's tree does not reach it.
    pub detached: bool,
    /// The request it goes back to.
    pub root: String,
    /// Messages and spawns between the root and it.
    pub hops: u32,
    /// How many events its journal has.
    pub seq: Seq,
    /// The journal's sum.
    pub sum: Sum,
    /// Where its current segment begins.
    pub segment: Seq,
    /// What it does.
    pub status: Status,
    /// When it is to be woken.
    pub wake_at: Option<Millis>,
    /// When it was started.
    pub started_at: Millis,
    /// When its last turn was committed.
    pub changed_at: Millis,
    /// How it ended.
    pub exit: Option<Exit>,
}

impl ProcessRow {
    /// The row's checksum as it should be.
    pub fn mark(&self) -> Mark {
        let ProcessRow { id, seq, sum, segment, status, wake_at, changed_at, .. } = self;
        Mark::of(id, *seq, *sum, *segment, *status, *wake_at, *changed_at)
    }
}

/// One turn of a journal.
#[derive(Clone, Debug)]
pub struct TurnRow {
    /// The place of its first event.
    pub seq: Seq,
    /// When it was committed.
    pub at: Millis,
    /// Its events.
    pub events: Vec<Event>,
}

impl TurnRow {
    /// The part of it from the place `begin` on, if any.
    pub(crate) fn from(mut self, begin: Seq) -> Option<TurnRow> {
        let skipped = begin.0.saturating_sub(self.seq.0);
        let skipped = usize::try_from(skipped).unwrap_or(usize::MAX).min(self.events.len());
        self.events.drain(..skipped);
        self.seq = self.seq.plus(skipped);
        (!self.events.is_empty()).then_some(self)
    }
}

/// How much of a journal to load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The current segment: what replay needs.
    Segment,
    /// All of it.
    Whole,
    /// The events after this place.
    After(Seq),
}

/// A process with its journal and mailbox, read in one snapshot.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Its row.
    pub row: ProcessRow,
    /// Its journal, oldest first; sums checked, blobs fetched.
    pub turns: Vec<TurnRow>,
    /// Its mailbox, oldest first.
    pub mailbox: Vec<Message>,
}

/// Which processes to list, in the order they were started.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// Only these statuses, if any are named.
    pub statuses: Vec<Status>,
    /// Only this kind.
    pub kind: Option<String>,
    /// Only children of this process.
    pub parent: Option<ProcessId>,
    /// Only what goes back to this root.
    pub root: Option<String>,
    /// Only those started after this one (for paging).
    pub after: Option<ProcessNo>,
    /// Newest first instead of oldest first (then `after` means before).
    pub newest_first: bool,
    /// At most this many.
    pub limit: usize,
}

/// How many processes run one version of a kind and do the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// The kind.
    pub kind: Kind,
    /// What they do.
    pub status: Status,
    /// How many.
    pub count: u64,
}

/// An open question.
#[derive(Clone, Debug)]
pub struct AskRow {
    /// Who asks.
    pub process: ProcessId,
    /// The operation that waits.
    pub op: Op,
    /// The question.
    pub spec: AskSpec,
    /// Since when.
    pub opened_at: Millis,
}

/// A state entry.
#[derive(Clone, Debug)]
pub struct StateRow {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: Payload,
}

/// Which dead letters to list, newest first.
#[derive(Clone, Debug, Default)]
pub struct LetterListing {
    /// Only those for this process.
    pub to: Option<ProcessId>,
    /// Only those whose reason contains this, in capitals or not.
    pub reason: Option<String>,
    /// Only those with a lower number (for paging).
    pub before: Option<i64>,
    /// At most this many.
    pub limit: usize,
}

/// A message that no process took.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// Its place among them.
    pub no: i64,
    /// Whom it was for.
    pub to: ProcessId,
    /// Who sent it.
    pub from: Origin,
    /// What it says.
    pub content: Content,
    /// The request it goes back to.
    pub root: String,
    /// Messages and spawns between the root and it.
    pub hops: u32,
    /// What its process ended with each time it handled it, if that is why.
    pub crashes: Vec<Failure>,
    /// When it was given up.
    pub at: Millis,
    /// Why.
    pub reason: String,
}

/// Reads a turn's text back into events. `count`: how many there should be.
///
/// # Errors
/// [`Error::Corrupt`] if it is not a JSON array of so many known events.
pub fn decode_events(body: &str, count: usize) -> Result<Vec<Event>, Error> {
    let mut json = serde_json::Deserializer::from_str(body);
    let events = json.deserialize_seq(Turn { count }).and_then(|events| {
        json.end()?;
        Ok(events)
    });
    let events = events
        .map_err(|error| Error::corrupt(format!("a turn's events cannot be read: {error}")))?;
    if events.len() != count {
        let what = format!("a turn holds {} events where there were {count}", events.len());
        return Err(Error::corrupt(what));
    }
    Ok(events)
}

/// Takes in as many events as a turn holds, with room for no more: most turns
/// hold two, and room for the usual four would be half of what replay touches.
struct Turn {
    count: usize,
}

impl<'de> Visitor<'de> for Turn {
    type Value = Vec<Event>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut turn: A) -> Result<Vec<Event>, A::Error> {
        let mut events = Vec::with_capacity(self.count.min(ROOM_MAX));
        while let Some(event) = turn.next_element()? {
            events.push(event);
        }
        Ok(events)
    }
}

/// For how many events room is made before they are there: a damaged count
/// must not ask for all memory.
const ROOM_MAX: usize = 1_024;

/// Writes a turn's events as text.
///
/// # Errors
/// [`Error::Model`] if a payload cannot be written.
pub fn encode_events(events: &[Event]) -> Result<String, Error> {
    serde_json::to_string(events)
        .map_err(|error| Error::Model(greenroom_model::Error::BadJson { why: error.to_string() }))
}
