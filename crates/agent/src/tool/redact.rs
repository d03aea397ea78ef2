//! Keeps the node's own secrets out of what tools return: it is journaled, and told to
//! a model. What is turned into something else first (base64, a part of it) is not
//! known again.

#[cfg(test)]
mod tests;

use crate::provider::{Secret, SecretStore, Stamp};
use greenroom_model::Failure;
use serde_json::Value;
use std::sync::{Mutex, PoisonError};

/// What must not be said.
pub(crate) struct Redact(Vec<Secret>);

impl Redact {
    /// These, and all that the secret store has.
    pub fn new(secrets: impl IntoIterator<Item = Secret>) -> Redact {
        let mut all: Vec<Secret> = secrets.into_iter().chain(stored()).collect();
        // A secret may hold another: the longer ones go first.
        all.sort_by_key(|secret| std::cmp::Reverse(secret.reveal().len()));
        all.dedup();
        Redact(all)
    }

    /// What a tool's call came to, without them.
    pub fn result(&self, result: Result<Value, Failure>) -> Result<Value, Failure> {
        match result {
            Ok(value) => Ok(self.value(value)),
            Err(failure) => Err(Failure { message: self.text(failure.message), ..failure }),
        }
    }

    fn value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(all) => all.into_iter().map(|one| self.value(one)).collect(),
            Value::Object(all) => {
                all.into_iter().map(|(key, one)| (self.text(key), self.value(one))).collect()
            }
            other => other,
        }
    }

    fn text(&self, text: String) -> String {
        self.0.iter().fold(text, |text, secret| {
            if text.contains(secret.reveal()) { secret.redact(&text) } else { text }
        })
    }
}

/// What the store had when it was read last, and its stamp then.
static READ: Mutex<Option<(Stamp, Vec<Secret>)>> = Mutex::new(None);

/// A store that cannot be read has given nothing to anybody. It is asked for at each call
/// of a tool: the files are read again only if one is another than before.
fn stored() -> Vec<Secret> {
    let Some(store) = SecretStore::open() else { return Vec::new() };
    let Some(stamp) = store.stamp() else { return Vec::new() };
    let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((before, secrets)) = &*read
        && *before == stamp
    {
        return secrets.clone();
    }
    let names = store.names().unwrap_or_default();
    let secrets: Vec<Secret> =
        names.iter().filter_map(|name| store.get(name).ok().flatten()).collect();
    *read = Some((stamp, secrets.clone()));
    secrets
}
