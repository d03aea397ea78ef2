//! What one request caused.

use greenroom_model::{Event, Millis, ProcessId, ProcessNo, Seq};
use greenroom_runtime::journal::{TracePlace, TraceTurn};
use serde::{Deserialize, Serialize};

/// One page of it, in order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Trace {
    /// What happened.
    pub turns: Vec<TracedTurn>,
    /// Ask again with this as `after` for what comes next; none if this is all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Events of one commit of one process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TracedTurn {
    /// Whose.
    pub process: ProcessId,
    /// The place of the first in its history.
    pub seq: Seq,
    /// When they were committed.
    pub at: Millis,
    /// The events.
    pub events: Vec<Event>,
}

impl Trace {
    /// A page that was asked for with this limit.
    pub fn page(turns: Vec<TraceTurn>, limit: usize) -> Trace {
        let last = turns.iter().map(|turn| turn.place).max();
        let next = last.filter(|_| turns.len() >= limit).map(mark);
        Trace { turns: turns.into_iter().map(TracedTurn::from).collect(), next }
    }
}

/// A place as text: no more than something to give back.
fn mark(place: TracePlace) -> String {
    format!("{}.{}.{}", place.at.0, place.process, place.seq)
}

/// A place from its text; `None`: it is none.
pub fn place_of(mark: &str) -> Option<TracePlace> {
    let mut numbers = mark.split('.');
    let at = Millis(numbers.next()?.parse().ok()?);
    let process = ProcessNo(numbers.next()?.parse().ok()?);
    let seq = Seq(numbers.next()?.parse().ok()?);
    numbers.next().is_none().then_some(TracePlace { at, process, seq })
}

impl From<TraceTurn> for TracedTurn {
    fn from(turn: TraceTurn) -> TracedTurn {
        let TraceTurn { place, id, events } = turn;
        TracedTurn { process: id, seq: place.seq, at: place.at, events }
    }
}
