//! Kinds on the wire.

use greenroom_model::{Kind, Status};
use greenroom_runtime::journal::Count;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `GET /v1/kinds`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Kinds {
    /// By name and version.
    pub kinds: Vec<KindCount>,
}

/// One version of a kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindCount {
    /// As `name@version`.
    pub kind: String,
    /// Whether there is code for it.
    pub code: bool,
    /// How many processes of it have not ended.
    pub alive: u64,
    /// How many there are in each status.
    pub processes: BTreeMap<Status, u64>,
}

impl KindCount {
    /// What there is code for, and what there are processes of.
    #[must_use]
    pub fn of(known: &[Kind], census: &[Count]) -> Vec<KindCount> {
        let empty = |kind: &Kind, code: bool| KindCount {
            kind: kind.to_string(),
            code,
            alive: 0,
            processes: BTreeMap::new(),
        };
        let mut found: BTreeMap<Kind, KindCount> =
            known.iter().map(|kind| (kind.clone(), empty(kind, true))).collect();
        for Count { kind, status, count } in census {
            let one = found.entry(kind.clone()).or_insert_with(|| empty(kind, false));
            one.alive += if status.is_ended() { 0 } else { *count };
            *one.processes.entry(*status).or_default() += count;
        }
        found.into_values().collect()
    }
}
