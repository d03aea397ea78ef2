//! Reads a journal back by its key.

use super::pipeline::Pipeline;
use crate::Error;
use crate::sql::{KeptTurn, Row, Value};
use greenroom_model::{ProcessNo, Seq};

/// From the turn before the one that holds the event, oldest first.
const TURNS: &str = "
select seq, count, at, sum, body from turn
where process = $1 and seq >= coalesce(
    (select seq from turn where process = $1 and seq + count <= $2 order by seq desc limit 1), 0)
order by seq";

/// The turns from the one that holds the event `begin` on, and one before.
pub(super) fn read(
    pipeline: &mut Pipeline<'_>,
    process: ProcessNo,
    begin: Seq,
) -> Result<Vec<KeptTurn>, Error> {
    let rows = pipeline.query(TURNS, &[Value::Int(process.0), Value::Int(begin.0 as i64)])?;
    rows.into_iter().map(kept).collect()
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
