//! The table `state`: what queries may read of a process.

use super::dialect::Tx;
use super::mailbox::{decode, encode};
use super::seal::Seal;
use super::value::Value;
use crate::{Error, StateRow};
use greenroom_model::{Payload, ProcessNo};

/// An entry to set.
pub(super) struct NewState<'a> {
    pub process: ProcessNo,
    pub key: &'a str,
    pub value: &'a Payload,
}

fn seal(process: i64, key: &str, value: &str) -> i64 {
    Seal::of("state").int(process).text(key).text(value).done()
}

/// Sets entries, in order.
pub(super) fn set(tx: &mut dyn Tx, entries: &[NewState<'_>]) -> Result<(), Error> {
    let texts: Vec<String> =
        entries.iter().map(|entry| encode(entry.value)).collect::<Result<_, _>>()?;
    let mut values = Vec::with_capacity(entries.len() * 4);
    for (entry, value) in entries.iter().zip(&texts) {
        let process = entry.process.0;
        let sum = seal(process, entry.key, value);
        values.extend([
            Value::Int(process),
            Value::Text(entry.key),
            Value::Text(value),
            Value::Int(sum),
        ]);
    }
    let sql = "insert into state (process, key, value, sum) values ($1, $2, $3, $4) \
               on conflict (process, key) do update set value = excluded.value, \
               sum = excluded.sum";
    tx.execute_each(sql, 4, &values)
}

/// Takes entries away.
pub(super) fn unset(tx: &mut dyn Tx, entries: &[(ProcessNo, &str)]) -> Result<(), Error> {
    let values: Vec<Value<'_>> =
        entries.iter().flat_map(|(no, key)| [Value::Int(no.0), Value::Text(key)]).collect();
    tx.execute_each("delete from state where process = $1 and key = $2", 2, &values)
}

/// The entries of a process, by key.
pub(super) fn list(tx: &mut dyn Tx, process: ProcessNo) -> Result<Vec<StateRow>, Error> {
    let sql = "select key, value, sum from state where process = $1 order by key";
    let rows = tx.query(sql, &[Value::Int(process.0)])?;
    rows.into_iter()
        .map(|mut row| {
            let (key, value) = (row.text()?, row.text()?);
            if row.int()? != seal(process.0, &key, &value) {
                return Err(Error::corrupt(format!("the state of process number {process}")));
            }
            Ok(StateRow { key, value: decode(&value, "a state")? })
        })
        .collect()
}
