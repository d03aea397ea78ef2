//! Reads a journal back by its key.

use super::pipeline::Pipeline;
use crate::Error;
use crate::sql::{KeptTurn, Row, StretchEnd, Value};
use greenroom_model::{Millis, ProcessNo, Seq};

/// From the turn before the one that holds the event, oldest first.
const TURNS: &str = "
select seq, count, at, sum, body from turn
where process = $1 and seq >= coalesce(
    (select seq from turn where process = $1 and seq + count <= $2 order by seq desc limit 1), 0)
and seq <= $3
order by seq";

const STRETCHES: &str = "
select seq, at from (
    select seq, at, row_number() over (order by seq) as number from turn
    where process = $1 and seq > $2
) numbered
where number % $3 = 0 order by seq";

/// The turns from the one that holds the event `begin` on, and one before, up to
/// the one that begins with the event `last`.
pub(super) fn read(
    pipeline: &mut Pipeline<'_>,
    process: ProcessNo,
    begin: Seq,
    last: Option<Seq>,
) -> Result<Vec<KeptTurn>, Error> {
    let last = last.map_or(i64::MAX, |last| last.0 as i64);
    let values = [Value::Int(process.0), Value::Int(begin.0 as i64), Value::Int(last)];
    let rows = pipeline.query(TURNS, &values)?;
    rows.into_iter().map(kept).collect()
}

/// Every so many turns after `after`.
pub(super) fn stretches(
    pipeline: &mut Pipeline<'_>,
    process: ProcessNo,
    after: Option<StretchEnd>,
    turns: usize,
) -> Result<Vec<StretchEnd>, Error> {
    let after = after.map_or(0, |after| after.seq.0 as i64);
    let values = [Value::Int(process.0), Value::Int(after), Value::Int(turns as i64)];
    let rows = pipeline.query(STRETCHES, &values)?;
    let end = |mut row: Row| {
        let (seq, at) = (Seq(row.int()? as u64), Millis(row.int()? as u64));
        Ok(StretchEnd { no: 0, seq, at })
    };
    rows.into_iter().map(end).collect()
}

/// One turn.
pub(super) fn one(
    pipeline: &mut Pipeline<'_>,
    process: ProcessNo,
    seq: Seq,
) -> Result<Option<KeptTurn>, Error> {
    let sql = "select seq, count, at, sum, body from turn where process = $1 and seq <= $2 \
               order by seq desc limit 1";
    let rows = pipeline.query(sql, &[Value::Int(process.0), Value::Int(seq.0 as i64)])?;
    rows.into_iter().next().map(kept).transpose()
}

fn kept(mut row: Row) -> Result<KeptTurn, Error> {
    let (seq, count, at, sum) = (row.int()?, row.int()?, row.int()?, row.int()?);
    KeptTurn::read(seq, count, at, sum, row.text()?)
}
