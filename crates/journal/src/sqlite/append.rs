//! The hot call. A process that goes from step to step keeps its status, its
//! wake-up and its segment, and then no index is touched: SQLite writes every
//! index that an update names, changed or not, so there are two updates.

use crate::sql::{Append, NewTurn};
use greenroom_model::Seq;
use rusqlite::{CachedStatement, Connection, params};

/// The turn, if its process is where it is expected.
const TURN: &str = "insert into turn (no, process, prev, seq, count, at, sum, body) \
    select ?1, ?2, head, ?3, ?4, ?5, ?6, ?7 from process where no = ?2 and seq = ?8";

/// The row, if nothing changes that an index holds.
const SAME: &str = "update process set seq = ?1, sum = ?2, mark = ?3, head = ?4, changed_at = ?5 \
    where no = ?6 and status = ?7 and segment = ?8 and wake_at is ?9 and exit is null";

/// The row.
const OTHER: &str = "update process set seq = ?1, sum = ?2, mark = ?3, head = ?4, \
    changed_at = ?5, status = ?7, segment = ?8, wake_at = ?9, exit = null, exit_seal = null \
    where no = ?6";

/// The row of a process that only took messages or came to wait: there is no
/// turn to append.
const NO_TURN: &str = "update process set mark = ?1, changed_at = ?2, status = ?3, wake_at = ?4 \
    where no = ?5 and seq = ?6";

/// Appends turns: which were not refused.
pub(super) fn turns(connection: &Connection, turns: &[Append<'_>]) -> rusqlite::Result<Vec<bool>> {
    if turns.is_empty() {
        return Ok(Vec::new());
    }
    let mut insert = connection.prepare_cached(TURN)?;
    let mut same = connection.prepare_cached(SAME)?;
    let mut other = connection.prepare_cached(OTHER)?;
    turns
        .iter()
        .map(|turn| match turn.count {
            0 => without_events(connection, turn),
            _ => one(&mut insert, &mut same, &mut other, turn),
        })
        .collect()
}

fn without_events(connection: &Connection, turn: &Append<'_>) -> rusqlite::Result<bool> {
    let changed = connection.prepare_cached(NO_TURN)?.execute(params![
        turn.mark.0,
        turn.at.0 as i64,
        turn.status.code(),
        turn.wake_at.map(|at| at.0 as i64),
        turn.process.0,
        turn.expect_seq.0 as i64
    ])?;
    Ok(changed > 0)
}

fn one(
    insert: &mut CachedStatement<'_>,
    same: &mut CachedStatement<'_>,
    other: &mut CachedStatement<'_>,
    turn: &Append<'_>,
) -> rusqlite::Result<bool> {
    let (process, expected) = (turn.process.0, turn.expect_seq.0 as i64);
    let (count, at) = (turn.count as i64, turn.at.0 as i64);
    let inserted = insert.execute(params![
        turn.no,
        process,
        expected + 1,
        count,
        at,
        turn.sum.0,
        turn.body,
        expected
    ])?;
    if inserted == 0 {
        return Ok(false);
    }
    let Seq(seq) = turn.expect_seq.plus(turn.count);
    let wake_at = turn.wake_at.map(|at| at.0 as i64);
    let values = params![
        seq as i64,
        turn.sum.0,
        turn.mark.0,
        turn.no,
        at,
        process,
        turn.status.code(),
        turn.segment.0 as i64,
        wake_at
    ];
    if same.execute(values)? == 0 {
        other.execute(values)?;
    }
    Ok(true)
}

/// Writes the turns of processes that are being started.
pub(super) fn first_turns(connection: &Connection, turns: &[NewTurn<'_>]) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "insert into turn (no, process, prev, seq, count, at, sum, body) \
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
    )?;
    for turn in turns {
        insert.execute(params![
            turn.no,
            turn.process.0,
            turn.prev,
            turn.seq.0 as i64,
            turn.count as i64,
            turn.at.0 as i64,
            turn.sum.0,
            turn.body
        ])?;
    }
    Ok(())
}
