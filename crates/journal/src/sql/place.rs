//! The table `place`: who is found where.

use super::dialect::Tx;
use super::process::read_id;
use super::seal::Seal;
use super::value::{Row, Value};
use crate::{Error, PlaceRow, Places};
use greenroom_model::{Place, ProcessId, ProcessNo};

fn seal(key: &str, process: i64) -> i64 {
    Seal::of("place").text(key).int(process).done()
}

/// Puts a process there; one that is there already stays.
pub(super) fn insert(tx: &mut dyn Tx, key: &str, process: ProcessNo) -> Result<(), Error> {
    let values = [Value::Text(key), Value::Int(process.0), Value::Int(seal(key, process.0))];
    let sql = "insert into place (key, process, sum) values ($1, $2, $3) on conflict do nothing";
    tx.execute_each(sql, 3, &values)
}

/// Takes a process away from there.
pub(super) fn delete(tx: &mut dyn Tx, key: &str, process: ProcessNo) -> Result<(), Error> {
    let values = [Value::Text(key), Value::Int(process.0)];
    tx.execute_each("delete from place where key = $1 and process = $2", 2, &values)
}

/// Takes processes away from everywhere.
pub(super) fn clear(tx: &mut dyn Tx, processes: &[ProcessNo]) -> Result<(), Error> {
    let values: Vec<Value<'_>> = processes.iter().map(|no| Value::Int(no.0)).collect();
    tx.execute_each("delete from place where process = $1", 1, &values)
}

/// Who is at any of these, in order and without doubles: the first `most` after
/// `after`.
pub(super) fn reached(
    tx: &mut dyn Tx,
    keys: &[String],
    after: ProcessNo,
    most: usize,
) -> Result<Vec<ProcessNo>, Error> {
    // Each key by itself is a range of the index; all together would be sorted.
    let sql = "select key, process, sum from place where key = $1 and process > $2 \
               order by process limit $3";
    let most_rows = super::list::limit(most);
    let values: Vec<Value<'_>> = keys
        .iter()
        .flat_map(|key| [Value::Text(key), Value::Int(after.0), Value::Int(most_rows)])
        .collect();
    let mut all = Vec::new();
    for mut row in tx.query_each(sql, 3, &values)?.into_iter().flatten() {
        all.push(read(&mut row)?.1);
    }
    all.sort_unstable();
    all.dedup();
    all.truncate(most);
    Ok(all)
}

fn read(row: &mut Row) -> Result<(String, ProcessNo), Error> {
    let (key, process) = (row.text()?, row.int()?);
    if row.int()? != seal(&key, process) {
        return Err(Error::corrupt(format!("the place `{key}` of process number {process}")));
    }
    Ok((key, ProcessNo(process)))
}

/// The first of those who are there.
pub(super) fn at(tx: &mut dyn Tx, key: &str, most: usize) -> Result<Vec<ProcessId>, Error> {
    let sql = "select l.key, l.process, l.sum, p.id from place l \
               join process p on p.no = l.process where l.key = $1 \
               order by l.process limit $2";
    let rows = tx.query(sql, &[Value::Text(key), Value::Int(super::list::limit(most))])?;
    rows.into_iter()
        .map(|mut row| {
            read(&mut row)?;
            read_id(&row.text()?)
        })
        .collect()
}

/// The places of one sort.
pub(super) fn list(tx: &mut dyn Tx, places: &Places) -> Result<Vec<PlaceRow>, Error> {
    let (first, last) = places.keys();
    let sql = "select l.key, l.process, l.sum, p.id from place l \
               join process p on p.no = l.process where l.key >= $1 and l.key < $2 \
               order by l.key, l.process limit $3";
    let limit = Value::Int(super::list::limit(places.limit));
    let rows = tx.query(sql, &[Value::Text(&first), Value::Text(&last), limit])?;
    rows.into_iter()
        .map(|mut row| {
            let (key, _) = read(&mut row)?;
            let place = Place::of_key(&key);
            let place = place.ok_or_else(|| Error::corrupt(format!("the place `{key}`")))?;
            Ok(PlaceRow { place, process: read_id(&row.text()?)? })
        })
        .collect()
}

/// Reads all of them, to see whether they can be read.
pub(super) fn check(tx: &mut dyn Tx) -> Result<(), Error> {
    let rows = tx.query("select key, process, sum from place order by key, process", &[])?;
    rows.into_iter().try_for_each(|mut row| read(&mut row).map(|_| ()))
}
