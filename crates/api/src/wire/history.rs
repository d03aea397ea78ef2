//! What happened to a process, and the state it shows.

use greenroom_model::{Event, Millis, Payload, Seq};
use greenroom_runtime::journal::{StateRow, TurnRow};
use serde::{Deserialize, Serialize};

/// A history, oldest first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct History {
    /// Its turns.
    pub turns: Vec<Turn>,
}

/// The events of one commit.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Turn {
    /// The place of the first.
    pub seq: Seq,
    /// When they were committed.
    pub at: Millis,
    /// The events.
    pub events: Vec<Event>,
}

impl Turn {
    /// The events with their places.
    pub fn numbered(&self) -> impl Iterator<Item = (Seq, &Event)> {
        self.events.iter().enumerate().map(|(index, event)| (self.seq.plus(index), event))
    }

    /// The place of the last event.
    #[must_use]
    pub fn last(&self) -> Seq {
        self.seq.plus(self.events.len().saturating_sub(1))
    }
}

impl From<TurnRow> for Turn {
    fn from(row: TurnRow) -> Turn {
        Turn { seq: row.seq, at: row.at, events: row.events }
    }
}

/// The state a process shows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    /// By key.
    pub state: Vec<StateEntry>,
}

/// One entry.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StateEntry {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: Payload,
}

impl From<StateRow> for StateEntry {
    fn from(row: StateRow) -> StateEntry {
        StateEntry { key: row.key, value: row.value }
    }
}
