//! The table `turn`, the journals themselves. How they are written and found
//! is the dialect's; that each sum follows from the one before is checked
//! here, on every read.

use crate::{Error, ProcessRow, TurnRow, decode_events};
use greenroom_model::{Mark, Millis, ProcessNo, Seq, Status, Sum};

/// A turn to append, with all it changes in the process's row.
#[derive(Clone, Copy, Debug)]
pub struct Append<'a> {
    /// The turn's number.
    pub no: i64,
    /// Whose turn.
    pub process: ProcessNo,
    /// How many events there must be.
    pub expect_seq: Seq,
    /// How many it adds.
    pub count: usize,
    /// When.
    pub at: Millis,
    /// The journal's sum with it.
    pub sum: Sum,
    /// Its events.
    pub body: &'a str,
    /// The row's new values.
    pub segment: Seq,
    /// The new status.
    pub status: Status,
    /// The new wake-up.
    pub wake_at: Option<Millis>,
    /// The row's mark with these.
    pub mark: Mark,
}

/// A turn of a process that is being started.
#[derive(Clone, Copy, Debug)]
pub struct NewTurn<'a> {
    /// The turn's number.
    pub no: i64,
    /// The number of the turn before it, 0 for the first.
    pub prev: i64,
    /// Whose.
    pub process: ProcessNo,
    /// The place of its first event.
    pub seq: Seq,
    /// How many events.
    pub count: usize,
    /// When.
    pub at: Millis,
    /// The journal's sum with it.
    pub sum: Sum,
    /// Its events.
    pub body: &'a str,
}

/// A turn as it was read.
#[derive(Clone, Debug)]
pub struct KeptTurn {
    /// The place of its first event.
    pub seq: Seq,
    /// How many events.
    pub count: usize,
    /// When.
    pub at: Millis,
    /// The journal's sum with it.
    pub sum: Sum,
    /// Its events.
    pub body: String,
}

impl KeptTurn {
    /// Takes what the database holds; numbers no journal can have are damage.
    pub fn read(seq: i64, count: i64, at: i64, sum: i64, body: String) -> Result<KeptTurn, Error> {
        let wrong = |_| Error::corrupt("the numbers of a turn");
        let (seq, count) =
            (u32::try_from(seq).map_err(wrong)?, u32::try_from(count).map_err(wrong)?);
        let at = Millis(u64::try_from(at).map_err(wrong)?);
        let (seq, count) = (Seq(u64::from(seq.max(1))), count as usize);
        Ok(KeptTurn { seq, count, at, sum: Sum(sum), body })
    }
}

/// The last turn of a stretch of a long journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StretchEnd {
    /// Its number, where turns have one.
    pub no: i64,
    /// Its first event.
    pub seq: Seq,
    /// When.
    pub at: Millis,
}

/// Checks turns against each other and the row, and reads their events from
/// the place `begin` on. The first may be the one before, read for its sum.
pub(super) fn check(
    row: &ProcessRow,
    kept: Vec<KeptTurn>,
    begin: Seq,
) -> Result<Vec<TurnRow>, Error> {
    let (turns, last, sum) = check_part(row, kept, begin)?;
    if (last, sum) != (row.seq, row.sum) {
        let what = format!("the last turn is not the row's at event {}", row.seq);
        return Err(Error::corrupt(format!("the journal of {}: {what}", row.id)));
    }
    Ok(turns)
}

/// The same for some turns one after the other. Gives back with what they end.
pub(super) fn check_part(
    row: &ProcessRow,
    kept: Vec<KeptTurn>,
    begin: Seq,
) -> Result<(Vec<TurnRow>, Seq, Sum), Error> {
    let damaged = |seq: Seq, what: &str| {
        Error::corrupt(format!("the journal of {}: {what} at event {seq}", row.id))
    };
    let (mut last, mut sum) = (Seq(0), Sum::default());
    let mut turns = Vec::with_capacity(kept.len());
    for (place, turn) in kept.into_iter().enumerate() {
        let goes_on = turn.seq == last.plus(1);
        if goes_on {
            if sum.then(turn.seq, turn.at, &turn.body) != turn.sum {
                return Err(damaged(turn.seq, "a sum does not match"));
            }
        } else if place != 0 || turn.seq.plus(turn.count) > begin {
            return Err(damaged(turn.seq, "a turn is missing or doubled"));
        }
        (last, sum) = (Seq(turn.seq.0 - 1).plus(turn.count), turn.sum);
        if last >= begin {
            let events = decode_events(&turn.body, turn.count)?;
            turns.extend(TurnRow { seq: turn.seq, at: turn.at, events }.from(begin));
        }
    }
    Ok((turns, last, sum))
}
