//! The hot call: one statement for all turns of a run.

use super::pipeline::Pipeline;
use crate::Error;
use crate::sql::{Append, NewTurn};
use std::collections::HashSet;

/// Moves the rows on whose journals are where they are expected, and appends
/// the turns of these.
const APPEND: &str = "
with given as (
    select * from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[],
                         $6::text[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[])
        as given (process, expected, count, at, sum, body, segment, status, wake_at, mark)
), moved as (
    update process p
    set seq = g.expected + g.count, sum = g.sum, segment = g.segment, status = g.status,
        wake_at = g.wake_at, mark = g.mark, changed_at = g.at, 
        exit = case when g.count > 0 then null else p.exit end,
        exit_seal = case when g.count > 0 then null else p.exit_seal end
    from given g
    where p.no = g.process and p.seq = g.expected
    returning p.no
), written as (
    insert into turn (process, seq, count, at, sum, body)
    select g.process, g.expected + 1, g.count, g.at, g.sum, g.body
    from given g join moved on moved.no = g.process
    where g.count > 0
)
select no from moved";

const FIRST: &str = "
insert into turn (process, seq, count, at, sum, body)
select * from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[],
                     $6::text[])";

/// Appends turns: which were not refused.
pub(super) fn turns(pipeline: &mut Pipeline<'_>, turns: &[Append<'_>]) -> Result<Vec<bool>, Error> {
    if turns.is_empty() {
        return Ok(Vec::new());
    }
    let numbers = |read: fn(&Append<'_>) -> i64| turns.iter().map(read).collect::<Vec<i64>>();
    let processes = numbers(|turn| turn.process.0);
    let expected = numbers(|turn| turn.expect_seq.0 as i64);
    let counts = numbers(|turn| turn.count as i64);
    let times = numbers(|turn| turn.at.0 as i64);
    let sums = numbers(|turn| turn.sum.0);
    let bodies: Vec<&str> = turns.iter().map(|turn| turn.body).collect();
    let segments = numbers(|turn| turn.segment.0 as i64);
    let statuses = numbers(|turn| turn.status.code());
    let wakes: Vec<Option<i64>> =
        turns.iter().map(|turn| turn.wake_at.map(|at| at.0 as i64)).collect();
    let marks = numbers(|turn| turn.mark.0);
    let rows = pipeline.query_arrays(
        APPEND,
        &[
            &processes, &expected, &counts, &times, &sums, &bodies, &segments, &statuses, &wakes,
            &marks,
        ],
    )?;
    let moved: HashSet<i64> = rows.iter().map(|row| row.get(0)).collect();
    Ok(processes.iter().map(|no| moved.contains(no)).collect())
}

/// Writes the turns of processes that are being started.
pub(super) fn first_turns(pipeline: &mut Pipeline<'_>, turns: &[NewTurn<'_>]) -> Result<(), Error> {
    if turns.is_empty() {
        return Ok(());
    }
    let numbers = |read: fn(&NewTurn<'_>) -> i64| turns.iter().map(read).collect::<Vec<i64>>();
    let bodies: Vec<&str> = turns.iter().map(|turn| turn.body).collect();
    pipeline.query_arrays(
        FIRST,
        &[
            &numbers(|turn| turn.process.0),
            &numbers(|turn| turn.seq.0 as i64),
            &numbers(|turn| turn.count as i64),
            &numbers(|turn| turn.at.0 as i64),
            &numbers(|turn| turn.sum.0),
            &bodies,
        ],
    )?;
    Ok(())
}
