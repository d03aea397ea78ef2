//! What a scripted server was asked, and what became of it. Knows no HTTP.

use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};

/// Of so many requests the bodies are kept, and of so many the rest: a bench makes
/// more than should stay in memory.
const BODIES_MAX: usize = 1_000;
const RECORDS_MAX: usize = 20_000;

/// A request.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Recorded {
    /// Its place, from 1.
    pub number: u64,
    /// When it came, in milliseconds since the server began.
    pub at_ms: u64,
    /// Its path.
    pub path: String,
    /// Its idempotency key, if it has one.
    pub key: Option<String>,
    /// The model it asks for.
    pub model: String,
    /// The turn that answered.
    pub turn: Option<usize>,
    /// What became of it.
    pub outcome: Outcome,
    /// Its body; null for all but the last 1,000.
    pub body: Value,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is being answered.
    Open,
    /// It was answered whole.
    Served,
    /// It got the error, or the fault in its stream, that the script wants.
    Failed,
    /// It was one too many: 429.
    Limited,
    /// The script has nothing for it.
    Unscripted,
    /// Whoever asked went away.
    Abandoned,
}

#[derive(Debug, Default)]
pub(super) struct Journal {
    count: u64,
    records: VecDeque<Recorded>,
    served_by_key: BTreeMap<String, u64>,
    /// How often each turn was used up.
    pub served: Vec<u64>,
    /// Which turn whole answers under a key were.
    pub turns_by_key: BTreeMap<String, usize>,
    open: usize,
    pub open_peak: usize,
}

impl Journal {
    pub fn new(turns: usize) -> Journal {
        Journal { served: vec![0; turns], ..Journal::default() }
    }

    pub fn begin(&mut self, record: Recorded) -> u64 {
        self.count += 1;
        self.open += 1;
        self.open_peak = self.open_peak.max(self.open);
        self.records.push_back(Recorded { number: self.count, ..record });
        if self.records.len() > RECORDS_MAX {
            self.records.pop_front();
        }
        if let Some(old) = self.records.len().checked_sub(BODIES_MAX + 1) {
            self.records[old].body = Value::Null;
        }
        self.count
    }

    pub fn end(&mut self, number: u64, outcome: Outcome) {
        let first = self.records.front().map_or(0, |record| record.number);
        let place = number.checked_sub(first).and_then(|place| usize::try_from(place).ok());
        let Some(record) = place.and_then(|place| self.records.get_mut(place)) else { return };
        if record.outcome != Outcome::Open {
            return;
        }
        record.outcome = outcome;
        self.open -= 1;
        if let (Outcome::Served, Some(key)) = (outcome, &record.key) {
            *self.served_by_key.entry(key.clone()).or_default() += 1;
        }
    }

    pub fn records(&self) -> Vec<Recorded> {
        self.records.iter().cloned().collect()
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    pub fn served_by_key(&self) -> BTreeMap<String, u64> {
        self.served_by_key.clone()
    }
}
