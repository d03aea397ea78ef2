//! The table `request`: keys of requests from outside that were done, and what
//! came of them, for as long as they are kept.

use super::dialect::Tx;
use super::mailbox::{decode, encode};
use super::seal::Seal;
use super::value::{Row, Value};
use crate::{Done, Error, Published, Receipt, Request, Spawned, Undeliverable};
use greenroom_model::{Millis, Sum};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

const SELECT: &str = "select key, asks, note, outcome, kept_until, sum from request";

/// How many keys that are no longer kept go with each that comes, so that the
/// table shrinks as fast as it grows; and how many beside.
const PRUNED_FOR_EACH: usize = 2;
const PRUNED_BESIDE: usize = 16;

/// The part of a receipt that a repetition is answered from.
#[derive(Serialize, Deserialize)]
struct Outcome {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    spawned: Vec<Spawned>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    undeliverable: Vec<Undeliverable>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    published: Vec<Published>,
}

/// A request to write down.
pub(super) struct NewRequest<'a> {
    request: &'a Request,
    outcome: String,
}

impl<'a> NewRequest<'a> {
    /// With what its commit came to.
    pub fn new(request: &'a Request, receipt: &Receipt) -> Result<NewRequest<'a>, Error> {
        let Receipt { spawned, undeliverable, published, .. } = receipt.clone();
        let outcome = encode(&Outcome { spawned, undeliverable, published })?;
        Ok(NewRequest { request, outcome })
    }
}

/// A request as the table holds it.
pub(super) struct Kept {
    pub done: Done,
    pub until: Millis,
}

fn seal(key: &str, asks: i64, note: &str, outcome: &str, until: i64) -> i64 {
    Seal::of("request").text(key).int(asks).text(note).text(outcome).int(until).done()
}

fn read(mut row: Row) -> Result<(String, Kept), Error> {
    let (key, asks, note) = (row.text()?, row.int()?, row.text()?);
    let (outcome, until) = (row.text()?, row.int()?);
    if row.int()? != seal(&key, asks, &note, &outcome, until) {
        return Err(Error::corrupt(format!("the request with the key `{key}`")));
    }
    let Outcome { spawned, undeliverable, published } =
        decode(&outcome, "the outcome of a request")?;
    let (delivered, accounts) = (Vec::new(), Vec::new());
    let receipt = Receipt { spawned, undeliverable, published, delivered, accounts };
    let done = Done { asks: Sum(asks), note, receipt };
    Ok((key, Kept { done, until: Millis(until as u64) }))
}

/// Those of these keys that are there, kept or not.
pub(super) fn known(tx: &mut dyn Tx, keys: &[&str]) -> Result<HashMap<String, Kept>, Error> {
    let values: Vec<Value<'_>> = keys.iter().map(|key| Value::Text(key)).collect();
    let found = tx.query_each(&format!("{SELECT} where key = $1"), 1, &values)?;
    found.into_iter().flatten().map(read).collect()
}

/// Writes keys down, over those of the same name that were no longer kept.
pub(super) fn insert(tx: &mut dyn Tx, requests: &[NewRequest<'_>]) -> Result<(), Error> {
    let mut values = Vec::with_capacity(requests.len() * 6);
    for NewRequest { request, outcome } in requests {
        let Request { key, asks, note, until } = request;
        let until = until.0 as i64;
        values.extend([
            Value::Text(key),
            Value::Int(asks.0),
            Value::Text(note),
            Value::Text(outcome),
            Value::Int(until),
            Value::Int(seal(key, asks.0, note, outcome, until)),
        ]);
    }
    let sql = "insert into request (key, asks, note, outcome, kept_until, sum) \
               values ($1, $2, $3, $4, $5, $6) on conflict (key) do update set \
               asks = excluded.asks, note = excluded.note, outcome = excluded.outcome, \
               kept_until = excluded.kept_until, sum = excluded.sum";
    tx.execute_each(sql, 6, &values)
}

/// Takes away some of those that are no longer kept: those that came make room
/// for as many again, so that nobody has to sweep.
pub(super) fn prune(tx: &mut dyn Tx, now: Millis, came: usize) -> Result<(), Error> {
    let most = came * PRUNED_FOR_EACH + PRUNED_BESIDE;
    let sql = "delete from request where key in (select key from request \
               where kept_until <= $1 order by kept_until limit $2)";
    tx.execute_each(sql, 2, &[Value::Int(now.0 as i64), Value::Int(most as i64)])
}

/// Reads some of them, to see whether they can be read.
pub(super) fn check(tx: &mut dyn Tx, limit: i64) -> Result<(), Error> {
    let rows = tx.query(&format!("{SELECT} order by key limit $1"), &[Value::Int(limit)])?;
    rows.into_iter().try_for_each(|row| read(row).map(|_| ()))
}
