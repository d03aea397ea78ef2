//! The table `trace`: turns that went back to another root than their process's
//! own; and what one root caused, read by index.

use super::dialect::Tx;
use super::process::Kept;
use super::seal::Seal;
use super::stretch::Stretches;
use super::turn::Append;
use super::value::{Row, Value};
use super::{list, process, turn};
use crate::trace::Page;
use crate::{Error, Listing, TraceListing, TracePlace, TraceTurn, TurnRow, decode_events};
use greenroom_model::{Millis, ProcessNo, Seq};

/// How many processes are read at a time.
const PROCESSES: usize = 500;

fn seal(root: &str, place: TracePlace, turn: i64) -> i64 {
    let TracePlace { at, process, seq } = place;
    let sealed = Seal::of("trace").text(root).int(at.0 as i64).int(process.0);
    sealed.int(seq.0 as i64).int(turn).done()
}

/// Notes a turn that was appended.
pub(super) fn insert(
    tx: &mut dyn Tx,
    turn: &Append<'_>,
    roots: &[(String, Seq)],
) -> Result<(), Error> {
    let mut values: Vec<Value<'_>> = Vec::with_capacity(roots.len() * 6);
    for (root, seq) in roots {
        let place = TracePlace { at: turn.at, process: turn.process, seq: *seq };
        values.extend::<[Value<'_>; 6]>([
            Value::Text(root),
            Value::Int(place.at.0 as i64),
            Value::Int(place.process.0),
            Value::Int(place.seq.0 as i64),
            Value::Int(turn.no),
            Value::Int(seal(root, place, turn.no)),
        ]);
    }
    tx.insert("trace", &["root", "at", "process", "seq", "turn", "sum"], &values)
}

/// A page of what a root caused.
pub(super) fn page(
    tx: &mut dyn Tx,
    stretches: &Stretches,
    listing: &TraceListing,
) -> Result<Vec<TraceTurn>, Error> {
    let mut page = Page::new(listing);
    let mut processes =
        Listing { root: Some(listing.root.clone()), limit: PROCESSES, ..Listing::default() };
    loop {
        let rows = list::processes(tx, &processes)?;
        let Some(last) = rows.last() else { break };
        processes.after = Some(last.no);
        for row in rows {
            if !page.wants(row.started_at, row.changed_at) {
                continue;
            }
            let Some(kept) = process::by_no(tx, row.no)? else { continue };
            if Stretches::is_long(&kept) {
                offer_long(tx, stretches, &mut page, &kept)?;
                continue;
            }
            let turns = tx.history(row.no, kept.head, Seq(1))?;
            let turns = turn::check(&kept.row, turns, Seq(1))?;
            page.offer(row.no, &row.id, &row.root, Seq(1), turns);
        }
    }
    for (place, no) in foreign(tx, listing)? {
        if let Some(kept) = process::by_no(tx, place.process)?
            && let Some(turn) = tx.turn(no, place.process, place.seq)?
        {
            let events = decode_events(&turn.body, turn.count)?;
            let turns = vec![TurnRow { seq: turn.seq, at: turn.at, events }];
            page.offer(place.process, &kept.row.id, &kept.row.root, place.seq, turns);
        }
    }
    Ok(page.done())
}

/// Offers of a long journal only what may be on the page.
fn offer_long(
    tx: &mut dyn Tx,
    stretches: &Stretches,
    page: &mut Page<'_>,
    kept: &Kept,
) -> Result<(), Error> {
    let row = &kept.row;
    let ends = stretches.of(tx, kept)?;
    let (mut begin, mut from) = (Seq(0), row.started_at);
    for end in &*ends {
        if page.wants(from, end.at) {
            let turns = tx.stretch(row.no, Seq(begin.0.max(1)), *end)?;
            let (mut turns, _, _) = turn::check_part(row, turns, Seq(begin.0.max(1)))?;
            turns.retain(|turn| turn.seq > begin);
            page.offer(row.no, &row.id, &row.root, Seq(1), turns);
        }
        (begin, from) = (end.seq, end.at);
    }
    if page.wants(from, row.changed_at) {
        let turns = tx.history(row.no, kept.head, Seq(begin.0.max(1)))?;
        let mut turns = turn::check(row, turns, Seq(begin.0.max(1)))?;
        turns.retain(|turn| turn.seq > begin);
        page.offer(row.no, &row.id, &row.root, Seq(1), turns);
    }
    Ok(())
}

/// Turns of processes of other roots, in order.
fn foreign(tx: &mut dyn Tx, listing: &TraceListing) -> Result<Vec<(TracePlace, i64)>, Error> {
    // A page may have begun in the middle of a turn, whose place is before that.
    let sql = "select root, at, process, seq, turn, sum from trace \
               where root = $1 and at >= $2 order by at, process, seq limit $3";
    let after = listing.after.unwrap_or_default();
    let most = list::limit(listing.limit.saturating_mul(2).saturating_add(SAME_TIME));
    let values = [Value::Text(&listing.root), Value::Int(after.at.0 as i64), Value::Int(most)];
    tx.query(sql, &values)?.into_iter().map(read).collect()
}

fn read(mut row: Row) -> Result<(TracePlace, i64), Error> {
    let (root, at, process, seq) = (row.text()?, row.int()?, row.int()?, row.int()?);
    let (no, sum) = (row.int()?, row.int()?);
    let (at, process) = (Millis(at as u64), ProcessNo(process));
    let place = TracePlace { at, process, seq: Seq(seq as u64) };
    match seal(&root, place, no) == sum {
        true => Ok((place, no)),
        false => Err(Error::corrupt(format!("the trace of {root}"))),
    }
}

/// Reads many of the rows, each with its sum.
pub(super) fn check(tx: &mut dyn Tx) -> Result<(), Error> {
    let sql = "select root, at, process, seq, turn, sum from trace limit $1";
    let rows = tx.query(sql, &[Value::Int(CHECKED_MAX)])?;
    rows.into_iter().try_for_each(|row| read(row).map(drop))
}

/// How many rows a check reads.
const CHECKED_MAX: i64 = 100_000;
/// How many turns of one millisecond are read again for the next page, at most:
/// a node commits fewer.
const SAME_TIME: usize = 10_000;
