//! What waits for the next group commit.

use super::cell::{Cell, Facts};
use greenroom_journal::{Commit, Receipt};
use greenroom_model::{Event, Millis, Seq, Sum};
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
    /// What has still to be encoded, since it holds large payloads.
    pub large: Option<Large>,
    /// The wake-up is not the one of the turn before.
    pub wake_changed: bool,
}

/// Who waits for it.
pub(crate) enum Source {
    /// A process's turn.
    Turn(Arc<Cell>),
    /// A request from outside.
    External(oneshot::Sender<crate::Result<Receipt>>),
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
    pub request: Option<String>,
    /// The last turn of a process that can take none itself.
    pub turn: Option<greenroom_journal::Turn>,
    /// When, if it matters.
    pub at: Option<Millis>,
}
