//! What the store in memory holds, and how it is reached. Knows no commit.

use crate::{DeadLetter, Delivered, Done, LetterRules, Receipt, TracePlace};
use greenroom_model::budget::Books;
use greenroom_model::{
    AskSpec, Content, Epoch, Exit, Kind, Message, MessageNo, Millis, Op, Origin, Payload,
    ProcessId, ProcessNo, Seq, Shard, Status, Sum,
};
use std::collections::{BTreeMap, BTreeSet};

/// Everything, in maps by number.
#[derive(Default)]
pub(super) struct World {
    pub epochs: BTreeMap<Shard, Epoch>,
    pub seen: Millis,
    pub processes: BTreeMap<ProcessNo, Process>,
    pub numbers: BTreeMap<ProcessId, ProcessNo>,
    pub watches: BTreeSet<Watching>,
    pub places: BTreeSet<(String, ProcessNo)>,
    /// Turns that went back to another root than their process's own.
    pub traces: BTreeSet<(String, TracePlace)>,
    pub asks: BTreeMap<(ProcessNo, Op), Asked>,
    pub dead: BTreeMap<i64, DeadLetter>,
    pub last_letter: i64,
    /// Of the commit under way.
    pub drops_unreachable: bool,
    pub requests: BTreeMap<String, (Done, Millis)>,
    pub blobs: BTreeMap<String, String>,
    pub last_message: i64,
    pub accounts: Books,
}

/// A process with all that goes with it.
pub(super) struct Process {
    pub id: ProcessId,
    pub kind: Kind,
    pub shard: Shard,
    pub parent: Option<(ProcessId, Op)>,
    pub detached: bool,
    pub root: String,
    pub hops: u32,
    pub seq: Seq,
    pub sum: Sum,
    pub segment: Seq,
    pub status: Status,
    pub wake_at: Option<Millis>,
    pub started_at: Millis,
    pub changed_at: Millis,
    pub exit: Option<Exit>,
    pub turns: Vec<KeptTurn>,
    pub mailbox: BTreeMap<MessageNo, Message>,
    pub state: BTreeMap<String, Payload>,
}

/// A turn as it was written.
#[derive(Clone)]
pub(super) struct KeptTurn {
    pub seq: Seq,
    pub count: usize,
    pub at: Millis,
    pub body: String,
    pub sum: Sum,
}

/// `op` of `watcher` hears of the end of `target`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Watching {
    pub target: ProcessNo,
    pub watcher: ProcessNo,
    pub op: Op,
}

/// An open question.
pub(super) struct Asked {
    pub spec: AskSpec,
    pub at: Millis,
}

/// A message to be, without a number yet.
pub(super) struct Letter {
    pub from: Origin,
    pub content: Content,
    pub root: String,
    pub hops: u32,
}

impl World {
    /// The process of this name.
    pub fn named(&self, id: &ProcessId) -> Option<(ProcessNo, &Process)> {
        let no = *self.numbers.get(id)?;
        Some((no, self.processes.get(&no)?))
    }

    /// Appends to a mailbox that is known to be there.
    pub fn append(&mut self, to: ProcessNo, letter: Letter, receipt: &mut Receipt) {
        let Some(process) = self.processes.get_mut(&to) else {
            return;
        };
        self.last_message += 1;
        let message = Message {
            no: MessageNo(self.last_message),
            from: letter.from,
            content: letter.content,
            root: letter.root,
            hops: letter.hops,
        };
        process.mailbox.insert(message.no, message.clone());
        receipt.delivered.push(Delivered { to, message });
    }

    /// Appends what the store itself has to say; dropped if nobody is there.
    pub fn tell(&mut self, to: &ProcessId, letter: Letter, receipt: &mut Receipt) {
        if let Some((no, process)) = self.named(to)
            && !process.is_ended()
        {
            self.append(no, letter, receipt);
        }
    }

    /// Gives a message up.
    pub fn bury(&mut self, to: ProcessId, letter: Letter, at: Millis, reason: String) {
        let Letter { from, content, root, hops } = letter;
        let crashes = Vec::new();
        self.keep_letter(DeadLetter { no: 0, to, from, content, root, hops, crashes, at, reason });
    }

    /// Adds a dead letter under the next number.
    pub fn keep_letter(&mut self, letter: DeadLetter) {
        self.last_letter += 1;
        let no = self.last_letter;
        self.dead.insert(no, DeadLetter { no, ..letter });
    }

    /// Some of the oldest letters go that are beyond the bounds, after the one
    /// of the number `before` was the last.
    pub fn prune_letters(&mut self, rules: &LetterRules, before: i64) {
        let came = usize::try_from(self.last_letter - before).unwrap_or(0);
        if came == 0 {
            return;
        }
        let last = rules.last_beyond(self.last_letter);
        let oldest = self.dead.values().take(LetterRules::pruned_max(came));
        let beyond = oldest.filter(|old| old.no <= last || old.at < rules.kept_since);
        let beyond: Vec<i64> = beyond.map(|old| old.no).collect();
        for no in beyond {
            self.dead.remove(&no);
        }
    }
}

impl Process {
    /// Whether it has ended.
    pub fn is_ended(&self) -> bool {
        self.status.is_ended()
    }
}
