//! Keeps secrets out of what tools return and of what model servers say: it is journaled,
//! and told to people and to a model. What is turned into something else first (base64, a
//! part of it) is not known again.

#[cfg(test)]
mod tests;

use super::reply::{Delta, Reply, Stop};
use super::secret::Secret;
use super::secret_store::{SecretStore, Stamp};
use crate::conversation::{Message, Part, ToolCall};
use greenroom_model::Failure;
use serde_json::Value;
use std::sync::{Mutex, PoisonError};

/// What must not be said.
#[derive(Clone, Debug, Default)]
pub(crate) struct Redact(Vec<Secret>);

impl Redact {
    /// These, and all that the secret store has.
    pub fn new(secrets: impl IntoIterator<Item = Secret>) -> Redact {
        Redact::only(secrets.into_iter().chain(stored()))
    }

    /// These.
    pub fn only(secrets: impl IntoIterator<Item = Secret>) -> Redact {
        let mut all: Vec<Secret> = secrets.into_iter().collect();
        // A secret may hold another: the longer ones go first.
        all.sort_by_key(|secret| std::cmp::Reverse(secret.reveal().len()));
        all.dedup();
        Redact(all)
    }

    /// What a tool's call came to, without them.
    pub fn result(&self, result: Result<Value, Failure>) -> Result<Value, Failure> {
        match result {
            Ok(value) => Ok(self.value(value)),
            Err(failure) => Err(self.failure(failure)),
        }
    }

    /// What went wrong, without them.
    pub fn failure(&self, failure: Failure) -> Failure {
        Failure { message: self.text(failure.message), ..failure }
    }

    /// A part of a reply, without them. One that comes in several parts is not known.
    pub fn delta(&self, delta: Delta) -> Delta {
        match delta {
            Delta::Text { text } => Delta::Text { text: self.text(text) },
            Delta::Thinking { text } => Delta::Thinking { text: self.text(text) },
            Delta::ToolCall { id, name } => {
                Delta::ToolCall { id: self.text(id), name: self.text(name) }
            }
            Delta::Usage { usage } => Delta::Usage { usage },
        }
    }

    /// A reply without them.
    pub fn reply(&self, reply: Reply) -> Reply {
        let Reply { message: Message { role, content, raw }, stop, usage, model } = reply;
        let part = |part| match part {
            Part::Text { text } => Part::Text { text: self.text(text) },
            Part::ToolCall(ToolCall { id, name, arguments }) => Part::ToolCall(ToolCall {
                id: self.text(id),
                name: self.text(name),
                arguments: self.value(arguments),
            }),
            Part::ToolResult(result) => Part::ToolResult(result),
        };
        let content = content.into_iter().map(part).collect();
        // What goes back to the letter cannot be changed: the words stand for it.
        let raw = raw.filter(|raw| !self.stands_in(raw.blocks.text()));
        let stop = match stop {
            Stop::Other(word) => Stop::Other(self.text(word)),
            stop => stop,
        };
        Reply { message: Message { role, content, raw }, stop, usage, model: self.text(model) }
    }

    /// Whether one of them stands in JSON, as it is or as JSON writes it.
    fn stands_in(&self, json: &str) -> bool {
        let unescaped = json.replace("\\/", "/");
        self.0.iter().any(|secret| {
            let written = Value::from(secret.reveal()).to_string();
            let written = Secret::new(written.trim_matches('"'));
            secret.stands_in(&unescaped) || written.stands_in(&unescaped)
        })
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

    /// A text without them.
    pub fn text(&self, text: String) -> String {
        self.0.iter().fold(text, |text, secret| match secret.stands_in(&text) {
            true => secret.redact(&text),
            false => text,
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
