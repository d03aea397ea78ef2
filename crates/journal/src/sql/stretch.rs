//! Long journals in stretches, so that a part of one is read without the rest.
//! Where each stretch ends is found once, by reading the turns' numbers only,
//! and remembered: turns are never changed or removed.

use super::dialect::Tx;
use super::process::Kept;
use super::turn::StretchEnd;
use crate::Error;
use greenroom_model::ProcessNo;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A journal with so many events is read in stretches.
const LONG: u64 = 500;
/// How many turns a stretch has.
const TURNS: usize = 128;
/// How many ends of stretches are remembered, of all processes together.
const REMEMBERED_MAX: usize = 200_000;

/// Where the stretches of long journals end, as far as somebody has asked.
#[derive(Default)]
pub(super) struct Stretches {
    ends: Mutex<HashMap<ProcessNo, Arc<Vec<StretchEnd>>>>,
}

impl Stretches {
    /// Whether a journal is read in stretches.
    pub fn is_long(kept: &Kept) -> bool {
        kept.row.seq.0 >= LONG
    }

    /// The ends of a journal's stretches; what comes after the last is short.
    pub fn of(&self, tx: &mut dyn Tx, kept: &Kept) -> Result<Arc<Vec<StretchEnd>>, Error> {
        let no = kept.row.no;
        let known = {
            let ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
            ends.get(&no).cloned().unwrap_or_default()
        };
        let last = known.last().copied();
        if kept.row.seq.0 - last.map_or(0, |last| last.seq.0) < LONG {
            return Ok(known);
        }
        let new = tx.stretches(no, kept.head, last, TURNS)?;
        if new.is_empty() {
            return Ok(known);
        }
        let all: Arc<Vec<StretchEnd>> = Arc::new(known.iter().copied().chain(new).collect());
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        if ends.values().map(|ends| ends.len()).sum::<usize>() > REMEMBERED_MAX {
            ends.clear();
        }
        ends.insert(no, all.clone());
        Ok(all)
    }
}
