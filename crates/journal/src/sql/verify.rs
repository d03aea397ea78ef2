//! Reads the whole store and says what cannot be right. Changes nothing.

use super::dialect::Tx;
use super::header::{Epochs, Meta};
use super::value::Value;
use super::{account, ask, dead, place, request, trace};
use crate::{Error, Journal, LetterListing, Scope};
use greenroom_model::ProcessNo;

const PAGE: i64 = 500;
/// How many dead letters are read; they are no one's history.
const LETTERS_MAX: usize = 100_000;
/// How many requests are.
const REQUESTS_MAX: i64 = 100_000;

/// Rows that belong to a process, and which.
const OWNED: [(&str, &str); 8] = [
    ("turn", "process"),
    ("mailbox", "process"),
    ("watch", "target"),
    ("watch", "watcher"),
    ("ask", "process"),
    ("place", "process"),
    ("state", "process"),
    ("trace", "process"),
];

type Check = fn(&mut dyn Tx) -> Result<(), Error>;

/// The numbers after one, in order.
pub(super) fn page(tx: &mut dyn Tx, after: ProcessNo) -> Result<Vec<ProcessNo>, Error> {
    let sql = "select no from process where no > $1 order by no limit $2";
    let rows = tx.query(sql, &[Value::Int(after.0), Value::Int(PAGE)])?;
    rows.into_iter().map(|mut row| Ok(ProcessNo(row.int()?))).collect()
}

/// One process: its row, its whole journal, its mailbox, its state.
pub(super) fn process(
    store: &dyn Journal,
    no: ProcessNo,
    found: &mut Vec<String>,
) -> Result<(), Error> {
    match store.load(no, Scope::Whole) {
        Ok(Some(loaded)) => match store.find(&loaded.row.id) {
            Ok(Some(row)) if row.no == no => {}
            Ok(_) => found.push(format!("{} is not found by its name", loaded.row.id)),
            Err(error) => note(error, found)?,
        },
        Ok(None) => found.push(format!("process number {no} is listed and not there")),
        Err(error) => note(error, found)?,
    }
    store.state(no).map(|_| ()).or_else(|error| note(error, found))
}

/// What is wrong beside the journals.
pub(super) fn tables(tx: &mut dyn Tx) -> Result<Vec<String>, Error> {
    let mut found = Vec::new();
    let checks: [Check; 8] = [
        |tx| Meta::read(tx).map(|_| ()),
        |tx| Epochs::read(tx).map(|_| ()),
        |tx| ask::list(tx, None).map(|_| ()),
        place::check,
        account::check,
        trace::check,
        |tx| dead::list(tx, &letters()).map(|_| ()),
        |tx| request::check(tx, REQUESTS_MAX),
    ];
    for check in checks {
        check(tx).or_else(|error| note(error, &mut found))?;
    }
    for (table, column) in OWNED {
        let sql = format!(
            "select count(*) from {table} t \
             where not exists (select 1 from process p where p.no = t.{column})"
        );
        match count(tx, &sql) {
            Ok(0) => {}
            Ok(orphans) => found.push(format!("{orphans} rows of {table} belong to no process")),
            Err(error) => note(error, &mut found)?,
        }
    }
    Ok(found)
}

fn letters() -> LetterListing {
    LetterListing { limit: LETTERS_MAX, ..LetterListing::default() }
}

fn count(tx: &mut dyn Tx, sql: &str) -> Result<i64, Error> {
    let row = tx.query(sql, &[])?.into_iter().next();
    row.map_or(Ok(0), |mut row| row.int())
}

/// Notes damage and goes on; what may work later is no damage.
pub(super) fn note(error: Error, found: &mut Vec<String>) -> Result<(), Error> {
    if error.is_transient() {
        return Err(error);
    }
    found.push(error.to_string());
    Ok(())
}
