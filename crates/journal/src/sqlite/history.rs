//! Reads a journal back, from its last turn along the links to the one before.

use super::failure::map;
use crate::Error;
use crate::sql::KeptTurn;
use greenroom_model::{ProcessNo, Seq};
use rusqlite::{CachedStatement, Connection, OptionalExtension};

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

fn one(
    select: &mut CachedStatement<'_>,
    process: ProcessNo,
    no: i64,
) -> Result<Option<(i64, KeptTurn)>, Error> {
    let found = select.query_row([no], |row| {
        let numbers: (i64, i64, i64, i64, i64, i64) = (
            row.get(0)?,
            row.get(1)?,
            row.get(2)?,
            row.get(3)?,
            row.get(4)?,
            row.get(5)?,
        );
        Ok((numbers, row.get::<_, String>(6)?))
    });
    let Some((numbers, body)) = found.optional().map_err(map)? else {
        return Ok(None);
    };
    let (owner, prev, seq, count, at, sum) = numbers;
    if owner != process.0 {
        return Err(Error::corrupt(format!(
            "turn {no} is not of process number {process}"
        )));
    }
    Ok(Some((prev, KeptTurn::read(seq, count, at, sum, body)?)))
}
