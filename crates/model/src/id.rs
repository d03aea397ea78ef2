//! Names and numbers of things, each its own type, each with what it survives.

use crate::Error;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// The name a process is known by to everyone: `kind/key`.
///
/// Chosen by whoever starts it, unique in the store for ever, kept across
/// crashes, restarts and deploys. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProcessId {
    text: Arc<str>,
    slash: u8,
}

/// The longest kind, in bytes.
const KIND_MAX_BYTES: usize = 64;
/// The longest key, in bytes.
const KEY_MAX_BYTES: usize = 200;

impl ProcessId {
    /// Checks and joins a kind and a key.
    pub fn new(kind: &str, key: &str) -> Result<ProcessId, Error> {
        check_kind(kind)?;
        check_key(key)?;
        let slash =
            u8::try_from(kind.len()).map_err(|_| Error::bad_id(kind, "its kind is too long"))?;
        Ok(ProcessId { text: format!("{kind}/{key}").into(), slash })
    }

    /// The id of an ephemeral process: its place in its node's memory, in a form
    /// that no key has.
    pub fn ephemeral(kind: &Kind, place: u32, generation: u32) -> ProcessId {
        // A kind's name is checked when the kind is made.
        let slash = u8::try_from(kind.name.len()).unwrap_or(u8::MAX);
        ProcessId { text: format!("{}/!{place:x}.{generation:x}", kind.name).into(), slash }
    }

    /// Whether its key is of the form that ephemeral processes' ids have.
    pub fn is_reserved(&self) -> bool {
        self.key().starts_with('!')
    }

    /// The place and generation in the id of an ephemeral process.
    pub fn as_ephemeral(&self) -> Option<(u32, u32)> {
        let key = self.text.as_bytes().get(usize::from(self.slash) + 1..)?;
        let (b'!', rest) = key.split_first()? else {
            return None;
        };
        let (place, rest) = read_hex(rest)?;
        let (b'.', rest) = rest.split_first()? else {
            return None;
        };
        let (generation, rest) = read_hex(rest)?;
        rest.is_empty().then_some((place, generation))
    }

    /// Reads `kind/key`.
    pub fn parse(text: &str) -> Result<ProcessId, Error> {
        match text.split_once('/') {
            Some((kind, key)) => ProcessId::new(kind, key),
            None => Err(Error::bad_id(text, "it has no `/`: write KIND/KEY, like refund/1017")),
        }
    }

    /// The kind's name, the part before the slash.
    pub fn kind(&self) -> &str {
        &self.text[..usize::from(self.slash)]
    }

    /// The key, the part after the slash.
    pub fn key(&self) -> &str {
        &self.text[usize::from(self.slash) + 1..]
    }

    /// The whole `kind/key`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The id a child gets when its parent names only its kind: the parent's
    /// key and the number of the operation, so that replay finds it again.
    pub fn child(&self, kind: &str, op: Op) -> Result<ProcessId, Error> {
        let tail = format!(".{op}");
        let room = KEY_MAX_BYTES - tail.len();
        let key = self.key();
        if key.len() <= room {
            return ProcessId::new(kind, &format!("{key}{tail}"));
        }
        // A deep tree must not run out of key: the long head becomes its hash.
        let hash = blake3::hash(self.text.as_bytes()).to_hex();
        ProcessId::new(kind, &format!("{}{tail}", &hash[..32]))
    }
}

fn check_kind(kind: &str) -> Result<(), Error> {
    if kind.is_empty() || kind.len() > KIND_MAX_BYTES {
        return Err(Error::bad_id(kind, "its kind must have 1 to 64 characters"));
    }
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, b'-' | b'_');
    if !kind.bytes().all(plain) || !kind.as_bytes()[0].is_ascii_lowercase() {
        return Err(Error::bad_id(
            kind,
            "a kind has lower-case letters, digits, `-` and `_`, and starts with a letter",
        ));
    }
    Ok(())
}

/// Reads 1 to 8 hexadecimal digits.
fn read_hex(text: &[u8]) -> Option<(u32, &[u8])> {
    let (mut value, mut digits) = (0u32, 0);
    for digit in text {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => break,
        };
        value = value << 4 | u32::from(digit);
        digits += 1;
    }
    matches!(digits, 1..=8).then(|| (value, &text[digits..]))
}

fn check_key(key: &str) -> Result<(), Error> {
    if key.is_empty() || key.len() > KEY_MAX_BYTES {
        return Err(Error::bad_id(key, "its key must have 1 to 200 characters"));
    }
    let plain = |c: u8| c.is_ascii_alphanumeric() || b"-_.:@+~=".contains(&c);
    // The id of an ephemeral process: nobody chooses it, but messages hold it.
    let rest = key.strip_prefix('!').unwrap_or(key);
    if rest.is_empty() || !rest.bytes().all(plain) || key == "." || key == ".." {
        return Err(Error::bad_id(key, "a key has letters, digits and - _ . : @ + ~ ="));
    }
    Ok(())
}

impl fmt::Display for ProcessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for ProcessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for ProcessId {
    type Error = Error;
    fn try_from(text: String) -> Result<ProcessId, Error> {
        ProcessId::parse(&text)
    }
}

impl From<ProcessId> for String {
    fn from(id: ProcessId) -> String {
        id.text.as_ref().to_owned()
    }
}

impl std::str::FromStr for ProcessId {
    type Err = Error;
    fn from_str(text: &str) -> Result<ProcessId, Error> {
        ProcessId::parse(text)
    }
}

/// A kind and its version, written `refund@3`. A process keeps the one it was
/// started with until it continues as new.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Kind {
    /// The kind's name.
    pub name: Arc<str>,
    /// Its version; the first is 1.
    pub version: u32,
}

impl Kind {
    /// Checks the name.
    pub fn new(name: &str, version: u32) -> Result<Kind, Error> {
        check_kind(name)?;
        Ok(Kind { name: name.into(), version })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.version)
    }
}

/// An open question: the process that asked and the operation it asked in.
/// Written `refund/1017#5`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct AskId {
    /// Who asked.
    pub process: ProcessId,
    /// The operation that waits for the answer.
    pub op: Op,
}

impl fmt::Display for AskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.process, self.op)
    }
}

impl std::str::FromStr for AskId {
    type Err = Error;
    fn from_str(text: &str) -> Result<AskId, Error> {
        let bad = || Error::bad_id(text, "an ask is written KIND/KEY#NUMBER, like refund/1017#5");
        let (process, op) = text.rsplit_once('#').ok_or_else(bad)?;
        Ok(AskId { process: process.parse()?, op: Op(op.parse().map_err(|_| bad())?) })
    }
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number! {
    /// The store's own number of a process. Given out by one store, never
    /// reused there, not kept by export and import.
    ProcessNo(i64)
}
number! {
    /// The number of an operation of a process's code, counted from 1 in the
    /// order the code asks for it. Goes on counting over `continue_as_new`, so
    /// it is unique in the life of a process.
    Op(u64)
}
number! {
    /// The place of an event in its process's journal, counted from 1. As a
    /// count: how many events the journal has.
    Seq(u64)
}
number! {
    /// The place of a message in the store's order of messages.
    MessageNo(i64)
}
number! {
    /// Which holder of a shard's lease this is; each new holder counts one up,
    /// and the store refuses commits of an older one.
    Epoch(i64)
}
number! {
    /// The slice of the process space a process belongs to.
    Shard(i64)
}

impl Shard {
    /// How many shards a store has. Part of the store's format.
    pub const COUNT: i64 = 16;

    /// The shard of a process, from its id alone.
    pub fn of(id: &ProcessId) -> Shard {
        let hash = blake3::hash(id.as_str().as_bytes());
        Shard(i64::from(hash.as_bytes()[0]) % Shard::COUNT)
    }
}

impl Seq {
    /// The place `count` events further on.
    pub fn plus(self, count: usize) -> Seq {
        Seq(self.0 + count as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_kind_and_key() {
        let id = ProcessId::parse("refund/A-1017").expect("valid");
        assert_eq!((id.kind(), id.key(), id.as_str()), ("refund", "A-1017", "refund/A-1017"));
    }

    #[test]
    fn odd_ids_are_refused() {
        for text in
            ["", "refund", "/x", "refund/", "Refund/1", "r/a b", "r/a/b", "r/\u{0}", "r/ä", "r/.."]
        {
            assert!(ProcessId::parse(text).is_err(), "{text:?}");
        }
        let long = format!("r/{}", "x".repeat(10 << 20));
        let message = ProcessId::parse(&long).expect_err("too long").to_string();
        assert!(message.len() < 300, "an error must not repeat ten megabytes");
    }

    #[test]
    fn children_of_children_keep_short_keys() {
        let mut id = ProcessId::parse("a/root").expect("valid");
        for op in 0..200 {
            id = id.child("a", Op(op)).expect("a child's id is always valid");
        }
        assert!(id.key().len() <= KEY_MAX_BYTES);
    }

    #[test]
    fn an_ephemeral_id_says_where() {
        let id = ProcessId::ephemeral(&Kind::new("worker", 1).expect("valid"), 0x1f, u32::MAX);
        assert_eq!(id.as_str(), "worker/!1f.ffffffff");
        assert_eq!(id.as_ephemeral(), Some((0x1f, u32::MAX)));
        for text in ["worker/1f.2", "worker/!", "worker/!1f", "worker/!1f.", "worker/!1f.2.3"] {
            assert_eq!(ProcessId::parse(text).ok().and_then(|id| id.as_ephemeral()), None);
        }
    }

    #[test]
    fn an_ask_reads_back() {
        let ask: AskId = "refund/1017#5".parse().expect("valid");
        assert_eq!(ask.to_string(), "refund/1017#5");
        assert!("refund/1017".parse::<AskId>().is_err());
    }
}
