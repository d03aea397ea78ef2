//! Versions, grants and watchers of a context. Pure: what a request comes to.

use greenroom_model::{Failure, ProcessId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

#[cfg(test)]
mod tests;

/// A failure's kind: the key is at another version than was thought.
pub const CONFLICT: &str = "conflict";
/// A failure's kind: whoever asks may not.
pub const NOT_GRANTED: &str = "not_granted";
/// A failure's kind: there is no room for so much.
pub const TOO_MUCH: &str = "too_much";

const KEYS_MAX: usize = 10_000;
const KEY_BYTES_MAX: usize = 512;
const VALUE_BYTES_MAX: usize = 8 << 20;
const BYTES_MAX: usize = 64 << 20;
const GRANTS_MAX: usize = 10_000;
const WATCHES_MAX: usize = 1_000;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// A person, who may do everything.
    Person,
    /// A process.
    Process(String),
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Who::Person => f.write_str("a person"),
            Who::Process(id) => f.write_str(id),
        }
    }
}

/// What a process may: read the keys that begin so, and perhaps write them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Grant {
    pub prefix: String,
    pub write: bool,
}

/// Whether it can be a key, or the beginning of one. A control character takes six bytes
/// where all keys are written down.
fn is_key(key: &str) -> bool {
    key.len() <= KEY_BYTES_MAX && !key.contains(char::is_control)
}

fn no_key(key: &str) -> String {
    let words = "and no control characters; this one has";
    format!("a key has 1 to {KEY_BYTES_MAX} bytes {words} {} bytes", key.len())
}

impl Grant {
    fn covers(&self, wanted: &Grant) -> bool {
        wanted.prefix.starts_with(&self.prefix) && (self.write || !wanted.write)
    }
}

/// A key, without its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// From 1, one more with each change.
    pub version: u64,
    pub bytes: usize,
    /// Who has changed it last.
    pub by: String,
}

/// A context without its values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Store {
    pub maker: Option<String>,
    entries: BTreeMap<String, Entry>,
    pub grants: BTreeMap<String, BTreeSet<Grant>>,
    watches: BTreeSet<(String, String)>,
    bytes: usize,
}

impl Store {
    /// The version a key is at; 0: it is not there.
    pub fn get(&self, me: &str, who: &Who, key: &str) -> Result<u64, Failure> {
        self.check(me, who, key, false)?;
        Ok(self.entries.get(key).map_or(0, |entry| entry.version))
    }

    /// Notes a change; the new version.
    pub fn set(
        &mut self,
        me: &str,
        who: &Who,
        key: &str,
        bytes: usize,
        if_version: Option<u64>,
    ) -> Result<u64, Failure> {
        self.check(me, who, key, true)?;
        let (version, before) = self.entries.get(key).map_or((0, 0), |it| (it.version, it.bytes));
        if let Some(wanted) = if_version
            && wanted != version
        {
            let words = format!("`{key}` is at version {version}, not {wanted}: nothing was set");
            return Err(Failure::fatal(CONFLICT, words));
        }
        let all = self.bytes - before + bytes;
        let words = match () {
            () if key.is_empty() => "a key cannot be empty".to_owned(),
            () if !is_key(key) => no_key(key),
            () if bytes > VALUE_BYTES_MAX => {
                format!("{bytes} bytes are more than the {VALUE_BYTES_MAX} of one value")
            }
            () if all > BYTES_MAX => {
                format!(
                    "{all} bytes are more than the {BYTES_MAX} of a context: set null to what is not needed"
                )
            }
            () if version == 0 && self.entries.len() >= KEYS_MAX => {
                format!("it has {KEYS_MAX} keys already: change one of them")
            }
            () => {
                self.bytes = all;
                let entry = Entry { version: version + 1, bytes, by: who.to_string() };
                self.entries.insert(key.to_owned(), entry);
                return Ok(version + 1);
            }
        };
        Err(Failure::fatal(TOO_MUCH, words))
    }

    /// The keys that begin so.
    pub fn list(
        &self,
        me: &str,
        who: &Who,
        prefix: &str,
    ) -> Result<BTreeMap<&str, &Entry>, Failure> {
        self.check(me, who, prefix, false)?;
        let from = self.entries.range(prefix.to_owned()..);
        let all = from.take_while(|(key, _)| key.starts_with(prefix));
        Ok(all.map(|(key, entry)| (key.as_str(), entry)).collect())
    }

    /// Tells a process of changes from now on.
    pub fn watch(&mut self, me: &str, who: &Who, prefix: &str) -> Result<(), Failure> {
        self.check(me, who, prefix, false)?;
        let Who::Process(id) = who else {
            return Err(Failure::fatal(NOT_GRANTED, "only a process can be told of changes"));
        };
        if !is_key(prefix) {
            return Err(Failure::fatal(TOO_MUCH, no_key(prefix)));
        }
        if self.watches.len() >= WATCHES_MAX {
            let words = format!("{WATCHES_MAX} watch it already");
            return Err(Failure::fatal(TOO_MUCH, words));
        }
        self.watches.insert((id.clone(), prefix.to_owned()));
        Ok(())
    }

    /// Who is told of a change, but for who has made it.
    pub fn watchers(&self, key: &str, by: &Who) -> Vec<ProcessId> {
        let told = self.watches.iter().filter(|(_, prefix)| key.starts_with(prefix.as_str()));
        let mut ids: Vec<&String> = told.map(|(id, _)| id).collect();
        ids.dedup();
        ids.retain(|id| *by != Who::Process((*id).clone()));
        ids.into_iter().filter_map(|id| id.parse().ok()).collect()
    }

    /// Whether somebody has what is to be granted: nobody gives more than that.
    pub fn may_grant(&self, me: &str, who: &Who, grant: &Grant) -> Result<(), Failure> {
        self.check(me, who, &grant.prefix, grant.write)
    }

    pub fn grant(&mut self, to: String, grant: Grant) -> Result<(), Failure> {
        if self.grants.values().map(BTreeSet::len).sum::<usize>() >= GRANTS_MAX {
            let words = format!("it has {GRANTS_MAX} grants already");
            return Err(Failure::fatal(TOO_MUCH, words));
        }
        if !is_key(&grant.prefix) {
            return Err(Failure::fatal(TOO_MUCH, no_key(&grant.prefix)));
        }
        self.grants.entry(to).or_default().insert(grant);
        Ok(())
    }

    fn check(&self, me: &str, who: &Who, prefix: &str, write: bool) -> Result<(), Failure> {
        let wanted = Grant { prefix: prefix.to_owned(), write };
        let id = match who {
            Who::Person => return Ok(()),
            Who::Process(id) if self.maker.as_ref() == Some(id) => return Ok(()),
            Who::Process(id) => id,
        };
        if self.grants.get(id).is_some_and(|all| all.iter().any(|grant| grant.covers(&wanted))) {
            return Ok(());
        }
        let what = if write { "write" } else { "read" };
        let maker = self.maker.as_ref();
        let maker = maker.map_or(String::new(), |maker| format!("{maker}, which has made it, or "));
        Err(Failure::fatal(
            NOT_GRANTED,
            format!(
                "{id} may not {what} `{prefix}` in {me}: ask {maker}a person, who can say \
                 `greenroom send {me} grant '{{\"to\":\"{id}\",\"prefix\":\"{prefix}\",\"write\":{write}}}'`"
            ),
        ))
    }
}
