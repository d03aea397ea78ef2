//! What waits for the next group commit.

use super::cell::{Cell, Facts};
use crate::accounts::Hold;
use greenroom_journal::{
    Commit, Done, Error, Journal, Receipt, Request, encode_events, externalise, externalise_commit,
};
use greenroom_model::{Epoch, Event, Millis, Payload, Seq, Sum};
use std::sync::Arc;
use tokio::sync::oneshot;

/// One commit on its way.
pub(crate) struct Pending {
    pub commit: Commit,
    pub rest: Rest,
}

/// What the engine needs to know once it is durable.
pub(crate) struct Rest {
    pub source: Source,
    /// The events of processes it starts, one for each of its spawns; none for
    /// those that come with a whole history.
    pub fresh: Vec<Option<Event>>,
    pub facts: Vec<Facts>,
    /// What has been set aside for it, until it is known what it came to.
    pub holds: Vec<Hold>,
    /// What has still to be encoded, since it holds large payloads.
    pub large: Option<Large>,
    /// The wake-up is not the one of the turn before.
    pub wake_changed: bool,
    /// How much it is to write, about.
    pub bytes: usize,
}

/// Who waits for it.
pub(crate) enum Source {
    /// A process's turn.
    Turn(Arc<Cell>),
    /// A request from outside.
    External(oneshot::Sender<crate::Result<Answer>>),
}

/// What a request from outside comes to.
pub(crate) enum Answer {
    /// It has been carried out.
    Receipt(Receipt),
    /// One with its key has been before.
    Repeated(Box<Done>),
}

/// A turn with payloads for the blob store.
pub(crate) struct Large {
    pub events: Vec<Event>,
    pub sum_before: Sum,
    pub seq: Seq,
    pub at: Millis,
}

/// A request from outside: what it appends and starts.
#[derive(Default)]
pub(crate) struct External {
    pub sends: Vec<greenroom_journal::Outgoing>,
    pub spawns: Vec<greenroom_journal::Spawn>,
    pub fresh: Vec<Option<Event>>,
    /// Dead letters that go.
    pub letters: Vec<i64>,
    pub request: Option<Request>,
    /// The last turn of a process that can take none itself.
    pub turn: Option<greenroom_journal::Turn>,
    /// When, if it matters.
    pub at: Option<Millis>,
    pub hub: Vec<greenroom_journal::HubWork>,
    /// What it does with budgets.
    pub accounts: Vec<greenroom_journal::AccountWork>,
}

/// What a row takes beside its text, about.
const ROW_BYTES: usize = 200;

/// About how much a commit is to write.
pub(super) fn bytes(commit: &Commit) -> usize {
    let turn = commit.turn.as_ref().map_or(0, |turn| {
        let state = turn.state.iter().map(|(_, value)| ROW_BYTES + value.bytes());
        turn.body.len() + state.sum::<usize>()
    });
    let sends = commit.sends.iter().map(|send| ROW_BYTES + send.content.bytes());
    let turns = commit.spawns.iter().flat_map(|spawn| &spawn.turns);
    let spawns = turns.map(|turn| ROW_BYTES + turn.body.len());
    ROW_BYTES + turn + sends.sum::<usize>() + spawns.sum::<usize>()
}

/// Writes the first turns of processes that begin with one event.
pub(super) fn encode_spawns(commit: &mut Commit, fresh: &[Option<Event>]) -> Result<(), Error> {
    for (spawn, event) in commit.spawns.iter_mut().zip(fresh) {
        if let (Some(event), Some(first)) = (event, spawn.turns.first_mut()) {
            first.body = encode_events(std::slice::from_ref(event))?;
        }
    }
    Ok(())
}

impl External {
    /// Whether it has payloads for the blob store.
    pub fn is_large(&mut self) -> bool {
        let mut large = false;
        let mut look = |payload: &mut Payload| large |= payload.wants_blob();
        self.sends.iter_mut().for_each(|send| send.content.payloads_mut(&mut look));
        for event in self.fresh.iter_mut().flatten() {
            event.payloads_mut(&mut look);
        }
        for work in &mut self.hub {
            if let greenroom_journal::HubWork::Publish(publish) = work {
                publish.content.payloads_mut(&mut look);
            }
        }
        // A history that is taken in whole may have anything beside its turns.
        large || self.fresh.iter().any(Option::is_none)
    }

    /// Moves large payloads to the blob store: by whoever asks, before the
    /// commit stands in the queue, so that nobody else waits for it.
    pub fn move_large(&mut self, journal: &dyn Journal) -> Result<(), Error> {
        for event in self.fresh.iter_mut().flatten() {
            externalise(journal, event)?;
        }
        let mut commit = Commit {
            sends: std::mem::take(&mut self.sends),
            spawns: std::mem::take(&mut self.spawns),
            hub: std::mem::take(&mut self.hub),
            ..Commit::new(Millis(0), Epoch(0))
        };
        let moved = externalise_commit(journal, &mut commit);
        (self.sends, self.spawns, self.hub) = (commit.sends, commit.spawns, commit.hub);
        moved
    }

    /// About how much it is to write.
    pub fn bytes(&self) -> usize {
        let inputs = self.fresh.iter().flatten().filter_map(Event::segment);
        let inputs = inputs.map(|segment| ROW_BYTES + segment.input.bytes());
        let sends = self.sends.iter().map(|send| ROW_BYTES + send.content.bytes());
        let turns = self.spawns.iter().flat_map(|spawn| &spawn.turns).map(|turn| turn.body.len());
        ROW_BYTES + inputs.sum::<usize>() + sends.sum::<usize>() + turns.sum::<usize>()
    }
}
