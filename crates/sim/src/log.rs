//! What the store has really taken, seen from beside it: the measure that the
//! journals are held against at the end. Knows no scenario.

use greenroom_journal::{Commit, Outcome, Turn};
use greenroom_model::{Content, MessageNo, Millis, ProcessId, ProcessNo, Seq};
use std::collections::BTreeMap;

/// A turn as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenTurn {
    /// The place of its first event.
    pub seq: Seq,
    /// When.
    pub at: Millis,
    /// Its events.
    pub body: String,
    /// How many.
    pub count: usize,
}

/// A message as it was appended.
#[derive(Clone, Debug)]
pub struct Appended {
    /// Whose mailbox.
    pub to: ProcessNo,
    /// It is for the code to receive.
    pub is_user: bool,
    /// How many turns have consumed it.
    pub consumed: u32,
}

/// All that was written, in order.
#[derive(Default)]
pub struct Log {
    /// Turns by process.
    pub turns: BTreeMap<ProcessNo, Vec<WrittenTurn>>,
    /// Processes by name.
    pub numbers: BTreeMap<ProcessId, ProcessNo>,
    /// Messages by number.
    pub messages: BTreeMap<MessageNo, Appended>,
    /// What should not have been.
    pub wrongs: Vec<String>,
}

impl Log {
    /// Takes note of a commit that the store took or refused.
    pub fn note(&mut self, commit: &Commit, outcome: &Outcome) {
        let Ok(receipt) = outcome else { return };
        for (spawn, spawned) in commit.spawns.iter().zip(&receipt.spawned) {
            if !spawned.created {
                continue;
            }
            self.numbers.insert(spawn.id.clone(), spawned.no);
            let mut seq = Seq(1);
            for turn in &spawn.turns {
                self.write(spawned.no, seq, turn.at, &turn.body, turn.count);
                seq = seq.plus(turn.count);
            }
        }
        if let Some(turn) = &commit.turn {
            self.write(turn.process, turn.expect_seq.plus(1), commit.at, &turn.body, turn.count);
        }
        for delivered in &receipt.delivered {
            let is_user = matches!(delivered.message.content, Content::User { .. });
            let appended = Appended { to: delivered.to, is_user, consumed: 0 };
            self.messages.insert(delivered.message.no, appended);
        }
        if let Some(turn) = &commit.turn {
            turn.consumed.iter().for_each(|no| self.consume(turn, *no));
        }
    }

    fn write(&mut self, no: ProcessNo, seq: Seq, at: Millis, body: &str, count: usize) {
        let turn = WrittenTurn { seq, at, body: body.to_owned(), count };
        self.turns.entry(no).or_default().push(turn);
    }

    fn consume(&mut self, turn: &Turn, no: MessageNo) {
        match self.messages.get_mut(&no) {
            // A turn without events may be written twice: it handles nothing.
            Some(message) if turn.count == 0 => message.consumed = message.consumed.max(1),
            Some(message) if message.to == turn.process => message.consumed += 1,
            _ => {
                self.wrongs.push(format!("{} consumed message {no}, which is not its own", turn.id))
            }
        }
    }

    /// Whether the intent of this attempt is durable. `key` is the step's.
    pub fn intends(&self, key: &str, attempt: u32) -> bool {
        let Some((id, op)) = key.rsplit_once('#') else { return false };
        let Ok(id) = id.parse::<ProcessId>() else { return false };
        let Some(no) = self.numbers.get(&id) else { return false };
        let has = |wanted: &str| {
            self.turns.get(no).into_iter().flatten().any(|turn| turn.body.contains(wanted))
        };
        let before = attempt.saturating_sub(1);
        let started = format!("{{\"StepStarted\":{{\"op\":{op},");
        let retried = format!("{{\"StepRetried\":{{\"op\":{op},\"attempt\":{attempt}}}");
        let unknown = format!("{{\"StepUnknown\":{{\"op\":{op},\"attempt\":{before}}}");
        let admitted = format!("{{\"StepAdmitted\":{{\"op\":{op},\"attempt\":{attempt}}}");
        let queued = || {
            let bodies = self.turns.get(no).into_iter().flatten().map(|turn| turn.body.as_str());
            let after = bodies.filter_map(|body| body.split(&started).nth(1));
            after.filter_map(|rest| rest.split("}}").next()).any(|own| own.contains("\"queue\":"))
        };
        if queued() {
            return has(&admitted);
        }
        has(&started) && (attempt == 1 || has(&retried) || has(&unknown))
    }

    /// How many turns all processes have taken.
    pub fn turn_count(&self) -> usize {
        self.turns.values().map(Vec::len).sum()
    }
}
