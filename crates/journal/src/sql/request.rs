//! The table `request`: keys of requests from outside that were done.

use super::dialect::Tx;
use super::value::Value;
use crate::Error;
use greenroom_model::Millis;
use std::collections::HashSet;

/// Which of these keys are there.
pub(super) fn known<'a>(tx: &mut dyn Tx, keys: &[&'a str]) -> Result<HashSet<&'a str>, Error> {
    let values: Vec<Value<'_>> = keys.iter().map(|key| Value::Text(key)).collect();
    let found = tx.query_each("select at from request where key = $1", 1, &values)?;
    Ok(keys.iter().zip(found).filter(|(_, rows)| !rows.is_empty()).map(|(key, _)| *key).collect())
}

/// Writes keys down.
pub(super) fn insert(tx: &mut dyn Tx, requests: &[(&str, Millis)]) -> Result<(), Error> {
    let values: Vec<Value<'_>> =
        requests.iter().flat_map(|(key, at)| [Value::Text(key), Value::Int(at.0 as i64)]).collect();
    tx.insert("request", &["key", "at"], &values)
}
