//! Lists of processes: for `ps`, for a node's start, for its timers.

use super::dialect::Tx;
use super::mailbox;
use super::process::{BRIEF, Brief, COLUMNS, Kept};
use super::value::Value;
use crate::{Count, Error, Listing, ProcessRow};
use greenroom_model::{Kind, Millis, ProcessNo, Status};

/// A limit as SQL takes it.
pub(super) fn limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// The processes a listing names.
pub(super) fn processes(tx: &mut dyn Tx, listing: &Listing) -> Result<Vec<ProcessRow>, Error> {
    let mut values: Vec<Value<'_>> = Vec::new();
    let mut tests: Vec<String> = Vec::new();
    let mut test = |text: &str, value| {
        values.push(value);
        tests.push(format!("{text} ${}", values.len()));
    };
    if let Some(kind) = &listing.kind {
        test("kind =", Value::Text(kind));
    }
    if let Some(parent) = &listing.parent {
        test("parent =", Value::Text(parent.as_str()));
    }
    if let Some(root) = &listing.root {
        test("root =", Value::Text(root));
    }
    let newest = listing.newest_first;
    if let Some(after) = listing.after {
        test(if newest { "no <" } else { "no >" }, Value::Int(after.0));
    }
    if !listing.statuses.is_empty() {
        // Statuses are few and their numbers ours: they stand in the text.
        let codes: Vec<String> =
            listing.statuses.iter().map(|status| status.code().to_string()).collect();
        let mut test = format!("status in ({})", codes.join(", "));
        if listing.statuses.contains(&Status::Damaged) {
            // Numbers that no status has.
            let known: Vec<String> =
                Status::ALL.into_iter().map(|status| status.code().to_string()).collect();
            test = format!("({test} or status not in ({}))", known.join(", "));
        }
        tests.push(test);
    }
    let mut sql = format!("select {COLUMNS} from process");
    if !tests.is_empty() {
        sql = format!("{sql} where {}", tests.join(" and "));
    }
    values.push(Value::Int(limit(listing.limit)));
    let order = if newest { "desc" } else { "asc" };
    sql = format!("{sql} order by no {order} limit ${}", values.len());
    let rows = tx.query(&sql, &values)?;
    rows.into_iter().map(|row| Ok(Kept::read_whatever(row)?.0.row)).collect()
}

/// Those with a step under way or mail, by number.
pub(super) fn runnable(
    tx: &mut dyn Tx,
    after: ProcessNo,
    most: usize,
) -> Result<Vec<ProcessNo>, Error> {
    let mut all: Vec<ProcessNo> = Vec::new();
    // Who waits for room or for a budget stands in lines that only memory knows.
    for status in [Status::Running, Status::Blocked] {
        // The number stands in the text so that the partial index serves.
        let sql = format!(
            "select no from process where status = {} and no > $1 order by no limit $2",
            status.code()
        );
        let rows = tx.query(&sql, &[Value::Int(after.0), Value::Int(limit(most))])?;
        for mut row in rows {
            all.push(ProcessNo(row.int()?));
        }
    }
    all.extend(mailbox::holders(tx, after, limit(most))?);
    all.sort_unstable();
    all.dedup();
    all.truncate(most);
    Ok(all)
}

/// The next wake-ups.
pub(super) fn due(
    tx: &mut dyn Tx,
    after: (Millis, ProcessNo),
    most: usize,
) -> Result<Vec<(Millis, ProcessNo)>, Error> {
    let sql = format!(
        "select {BRIEF} from process where wake_at is not null and (wake_at, no) > ($1, $2) \
         order by wake_at, no limit $3"
    );
    let (at, no) = after;
    let values = [Value::Int(at.0 as i64), Value::Int(no.0), Value::Int(limit(most))];
    let rows = tx.query(&sql, &values)?;
    rows.into_iter().filter_map(|row| Brief::read_wake(row).transpose()).collect()
}

/// How many processes there are of each kind, by status.
pub(super) fn census(tx: &mut dyn Tx) -> Result<Vec<Count>, Error> {
    let sql = "select kind, version, status, count(*) from process \
               group by kind, version, status";
    let rows = tx.query(sql, &[])?;
    let mut counts: Vec<Count> = rows
        .into_iter()
        .map(|mut row| {
            let (name, version) = (row.text()?, row.int()?);
            let (status, count) = (row.int()?, row.int()?);
            let version = u32::try_from(version).map_err(|_| Error::corrupt("a version"))?;
            Ok(Count {
                kind: Kind::new(&name, version)?,
                status: Status::from_code(status).ok_or_else(|| Error::corrupt("a status"))?,
                count: u64::try_from(count).unwrap_or(0),
            })
        })
        .collect::<Result<_, Error>>()?;
    // In our order: databases sort texts by their own lights.
    counts.sort_unstable_by(|a, b| (&a.kind, a.status.code()).cmp(&(&b.kind, b.status.code())));
    Ok(counts)
}
