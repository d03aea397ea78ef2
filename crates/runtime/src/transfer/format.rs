//! The lines of an export. The first says what it is, the last how many there
//! were and what they add up to: a file that was cut off, or in which a bit
//! has flipped, is refused before anything of it is taken in.
//!
//! ```text
//! {"greenroom_export":2,"at":…}
//! {"format":2,"id":"refund/1017","turns":[…],…}     one for each process
//! {"damaged":{"id":"refund/1018","why":"…"}}        one for each that cannot be read
//! {"end":{"processes":1,"damaged":1,"sum":"…"}}
//! ```

use greenroom_journal::{Loaded, TurnRow};
use greenroom_model::{Content, Event, Message, Millis, Op, Origin, ProcessId, Seq, Status, Sum};
use serde::{Deserialize, Serialize};

/// What this binary writes. It reads all up to it.
pub(super) const FORMAT: u32 = 2;
/// One without first and last line.
pub(super) const FORMAT_BARE: u32 = 1;

/// One process as it is exported: a line. One with `format` 1 may stand alone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Exported {
    /// The format's version.
    pub format: u32,
    /// Its id.
    pub id: ProcessId,
    /// Its parent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ProcessId>,
    /// The parent's operation that spawned it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_op: Option<Op>,
    /// The request it goes back to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// Messages and spawns between the root and it.
    #[serde(default)]
    pub hops: u32,
    /// What its row said it does. `running` may be more than its history says:
    /// its code has not said all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// Its whole journal; large payloads are here in full.
    pub turns: Vec<ExportedTurn>,
    /// Messages it has not taken, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mailbox: Vec<ExportedMessage>,
}

impl Exported {
    /// A process as it was read.
    pub fn of(loaded: Loaded) -> Exported {
        let Loaded { row, turns, mailbox } = loaded;
        let turn = |TurnRow { seq, at, events }| ExportedTurn { seq, at, events };
        let message = |Message { from, content, root, hops, .. }| ExportedMessage {
            from,
            content,
            root,
            hops,
        };
        Exported {
            format: FORMAT,
            id: row.id,
            parent: row.parent,
            parent_op: row.parent_op,
            root: Some(row.root),
            hops: row.hops,
            status: Some(row.status),
            turns: turns.into_iter().map(turn).collect(),
            mailbox: mailbox.into_iter().map(message).collect(),
        }
    }
}

/// One turn of a journal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ExportedTurn {
    /// The place of its first event.
    pub seq: Seq,
    /// When it was committed.
    pub at: Millis,
    /// Its events.
    pub events: Vec<Event>,
}

/// One message of a mailbox.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ExportedMessage {
    /// Who sent it.
    pub from: Origin,
    /// What it says.
    pub content: Content,
    /// The request it goes back to.
    pub root: String,
    /// Messages and spawns between the root and it.
    pub hops: u32,
}

/// A process that an export lacks, since it cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// Its id, as far as that can be read.
    pub id: String,
    /// What is wrong with it.
    pub why: String,
}

/// The first line.
#[derive(Serialize, Deserialize)]
pub(super) struct Head {
    pub greenroom_export: u32,
    pub at: Millis,
}

/// The line of a process that cannot be read.
#[derive(Serialize, Deserialize)]
pub(super) struct Damaged {
    pub damaged: Missing,
}

/// The last line.
#[derive(Serialize, Deserialize)]
pub(super) struct End {
    pub end: Total,
}

/// What the lines before add up to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Total {
    pub processes: u64,
    pub damaged: u64,
    pub sum: String,
}

/// The sum over the lines so far.
#[derive(Clone, Copy, Default)]
pub(super) struct Running {
    sum: Sum,
    lines: u64,
}

impl Running {
    /// Takes in a line, without its end.
    pub fn add(&mut self, line: &str) {
        self.lines += 1;
        self.sum = self.sum.then(Seq(self.lines), Millis(0), line);
    }

    /// As it is written.
    pub fn word(self) -> String {
        format!("{:016x}", self.sum.0)
    }
}

/// A value as one line of JSON. Payloads keep the white space they came with,
/// which may hold line breaks; between tokens a space says the same.
///
/// # Errors
/// If the value cannot be written as JSON.
pub fn line<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<String> {
    let text = serde_json::to_string(value)?;
    // Inside JSON strings line breaks are always escaped.
    if text.contains(['\n', '\r']) {
        return Ok(text.replace(['\n', '\r'], " "));
    }
    Ok(text)
}
