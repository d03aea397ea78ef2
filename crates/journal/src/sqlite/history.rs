//! Reads a journal back, from its last turn along the links to the one before.

use super::failure::map;
use crate::Error;
use crate::sql::{KeptTurn, Newest, StretchEnd};
use greenroom_model::{Millis, ProcessNo, Seq, Sum};
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row};

const NEWEST: &str = "select t.no, t.prev, t.seq, t.count, t.at, t.sum, t.body, p.sum \
    from turn t left join turn p on p.no = t.prev order by t.no desc";

const NUMBERS: &str = "select process, prev, seq, at from turn where no = $1";

const TURN: &str = "select process, prev, seq, count, at, sum, body from turn where no = $1";

/// The turns from the one that holds the event `begin` on, and one before,
/// oldest first.
pub(super) fn read(
    connection: &Connection,
    process: ProcessNo,
    head: i64,
    begin: Seq,
) -> Result<Vec<KeptTurn>, Error> {
    let mut select = connection.prepare_cached(TURN).map_err(map)?;
    let (mut no, mut turns) = (head, Vec::new());
    while no != 0 {
        let Some((prev, turn)) = one(&mut select, process, no)? else {
            return Err(Error::corrupt(format!(
                "turn {no} of process number {process} is missing"
            )));
        };
        // Links only lead back, or a damaged one could lead in a circle.
        if prev >= no || prev < 0 {
            return Err(Error::corrupt(format!("the link of turn {no}")));
        }
        let before = turn.seq.plus(turn.count) <= begin;
        turns.push(turn);
        if before {
            break;
        }
        no = prev;
    }
    turns.reverse();
    Ok(turns)
}

/// Every so many turns after `after`, by the links and without the events.
pub(super) fn stretches(
    connection: &Connection,
    process: ProcessNo,
    head: i64,
    after: Option<StretchEnd>,
    turns: usize,
) -> Result<Vec<StretchEnd>, Error> {
    let mut select = connection.prepare_cached(NUMBERS).map_err(map)?;
    let stop = after.map_or(0, |after| after.no);
    let (mut no, mut ends) = (head, Vec::new());
    while no > stop {
        let found = select.query_row([no], |row| {
            let numbers: (i64, i64, i64, i64) =
                (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
            Ok(numbers)
        });
        let damaged = || Error::corrupt(format!("turn {no} of process number {process}"));
        let (owner, prev, seq, at) = found.optional().map_err(map)?.ok_or_else(damaged)?;
        let (seq, at) = (u64::try_from(seq), u64::try_from(at));
        let (Ok(seq), Ok(at), true) = (seq, at, owner == process.0 && prev < no) else {
            return Err(damaged());
        };
        ends.push(StretchEnd { no, seq: Seq(seq), at: Millis(at) });
        no = prev;
    }
    ends.reverse();
    Ok(ends.into_iter().skip(turns - 1).step_by(turns).collect())
}

/// One turn.
pub(super) fn by_no(
    connection: &Connection,
    process: ProcessNo,
    no: i64,
) -> Result<Option<KeptTurn>, Error> {
    let mut select = connection.prepare_cached(TURN).map_err(map)?;
    Ok(one(&mut select, process, no)?.map(|(_, turn)| turn))
}

fn one(
    select: &mut CachedStatement<'_>,
    process: ProcessNo,
    no: i64,
) -> Result<Option<(i64, KeptTurn)>, Error> {
    let found = select.query_row([no], |row| {
        let numbers: (i64, i64, i64, i64, i64, i64) =
            (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?);
        Ok((numbers, row.get::<_, String>(6)?))
    });
    let Some((numbers, body)) = found.optional().map_err(map)? else {
        return Ok(None);
    };
    let (owner, prev, seq, count, at, sum) = numbers;
    if owner != process.0 {
        return Err(Error::corrupt(format!("turn {no} is not of process number {process}")));
    }
    Ok(Some((prev, KeptTurn::read(seq, count, at, sum, body)?)))
}

/// The newest turn's number, and the time of the newest one whose sum is right:
/// a time that a flipped bit has set far ahead must not become the node's.
pub(super) fn newest(connection: &Connection) -> Result<Newest, Error> {
    let mut newest = Newest { no: 0, at: Millis(0) };
    let mut select = connection.prepare_cached(NEWEST).map_err(map)?;
    let mut rows = select.query([]).map_err(map)?;
    while let Some(row) = rows.next().map_err(map)? {
        let no = row.get(0).map_err(map)?;
        newest.no = newest.no.max(no);
        if let Some(at) = time(row).ok().flatten() {
            newest.at = at;
            break;
        }
    }
    Ok(newest)
}

/// When the turn was taken, if its sum follows from the one before.
fn time(row: &Row<'_>) -> rusqlite::Result<Option<Millis>> {
    let (seq, count): (i64, i64) = (row.get(2)?, row.get(3)?);
    let (at, sum, body) = (row.get(4)?, row.get(5)?, row.get(6)?);
    let before = match row.get::<_, i64>(1)? {
        0 => Some(Sum::default()),
        _ => row.get::<_, Option<i64>>(7)?.map(Sum),
    };
    let turn = KeptTurn::read(seq, count, at, sum, body).ok();
    Ok(turn
        .zip(before)
        .filter(|(turn, before)| before.then(turn.seq, turn.at, &turn.body) == turn.sum)
        .map(|(turn, _)| turn.at))
}
