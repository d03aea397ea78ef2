//! The table `account`: one row for each budget, changed by the commits that
//! use it up. Processes without a budget have none.

use super::dialect::Tx;
use super::mailbox::{decode, encode};
use super::seal::Seal;
use super::value::{Row, Value};
use crate::{AccountWork, Commit, Error, Outcome};
use greenroom_model::ProcessId;
use greenroom_model::budget::{Account, Books};
use std::collections::{BTreeMap, BTreeSet};

/// Does what these commits do with budgets, and notes it in their receipts.
pub(super) fn work(
    tx: &mut dyn Tx,
    commits: &[(usize, &Commit)],
    outcomes: &mut [Outcome],
) -> Result<(), Error> {
    let paying = || commits.iter().filter(|(_, commit)| !commit.accounts.is_empty());
    let names: BTreeSet<&ProcessId> =
        paying().flat_map(|(_, commit)| &commit.accounts).flat_map(AccountWork::names).collect();
    if names.is_empty() {
        return Ok(());
    }
    let mut books = read(tx, names.into_iter().cloned().collect())?;
    let mut changed: BTreeMap<ProcessId, Account> = BTreeMap::new();
    for (place, commit) in paying() {
        if let Some(Ok(receipt)) = outcomes.get_mut(*place) {
            commit.settle(&mut books, receipt);
            let rows = receipt.accounts.iter().map(|account| (account.id.clone(), account.clone()));
            changed.extend(rows);
        }
    }
    write(tx, changed.values())
}

/// These accounts and all above them, as far as they are there.
pub(super) fn read(tx: &mut dyn Tx, mut wanted: BTreeSet<ProcessId>) -> Result<Books, Error> {
    let (mut books, mut asked) = (Books::default(), BTreeSet::new());
    while !wanted.is_empty() {
        let keys: Vec<Value<'_>> = wanted.iter().map(|id| Value::Text(id.as_str())).collect();
        let rows = tx.find("select id, body, sum from account", "id", &keys)?;
        asked.append(&mut wanted);
        for row in rows {
            let account = read_row(row)?;
            wanted.extend(account.parent.clone().filter(|above| !asked.contains(above)));
            books.insert(account);
        }
    }
    Ok(books)
}

fn write<'a>(tx: &mut dyn Tx, accounts: impl Iterator<Item = &'a Account>) -> Result<(), Error> {
    let mut bodies: Vec<(&str, String)> = Vec::new();
    for account in accounts {
        bodies.push((account.id.as_str(), encode(account)?));
    }
    let mut values = Vec::with_capacity(bodies.len() * 3);
    for (id, body) in &bodies {
        let sum = seal(id, body);
        values.extend([Value::Text(id), Value::Text(body), Value::Int(sum)]);
    }
    let sql = "insert into account (id, body, sum) values ($1, $2, $3) \
               on conflict (id) do update set body = excluded.body, sum = excluded.sum";
    tx.execute_each(sql, 3, &values)
}

fn seal(id: &str, body: &str) -> i64 {
    Seal::of("account").text(id).text(body).done()
}

fn read_row(mut row: Row) -> Result<Account, Error> {
    let (id, body) = (row.text()?, row.text()?);
    if row.int()? != seal(&id, &body) {
        return Err(Error::corrupt(format!("the account of {id}")));
    }
    decode(&body, "an account")
}

/// Reads them all.
pub(super) fn check(tx: &mut dyn Tx) -> Result<(), Error> {
    const PAGE: i64 = 1_000;
    let mut after = String::new();
    loop {
        let sql = "select id, body, sum from account where id > $1 order by id limit $2";
        let rows = tx.query(sql, &[Value::Text(&after), Value::Int(PAGE)])?;
        let full = rows.len() as i64 == PAGE;
        for row in rows {
            after = read_row(row)?.id.to_string();
        }
        if !full {
            return Ok(());
        }
    }
}
