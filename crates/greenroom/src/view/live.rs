//! A process as it happens: facts as they are committed, and what it waits for.

use super::fact::{Fact, Folder};
use super::span::span;
use super::waits::waits;
use crate::paint::{Paint, Tone};
use greenroom_api::wire::Turn;
use greenroom_model::{Event, Ledger, Millis, Op, OpenAsk, ProcessId, Seq, history_in_force};

const VALUE_LETTERS: usize = 60;

/// Follows one process.
pub struct Live {
    folder: Folder,
    events: Vec<(Seq, Event)>,
    ledger: Ledger,
    first: Option<Millis>,
}

impl Default for Live {
    fn default() -> Live {
        let folder = Folder::new(VALUE_LETTERS);
        Live { folder, events: Vec::new(), ledger: Ledger::default(), first: None }
    }
}

impl Live {
    /// Takes in a commit and gives the lines it is worth. A step is told of
    /// when it ends.
    pub fn turn(&mut self, turn: &Turn, paint: Paint) -> Vec<String> {
        let first = *self.first.get_or_insert(turn.at);
        let mut lines = Vec::new();
        for (seq, event) in turn.numbered() {
            self.take(seq, event);
            let fact = self.folder.fact(seq, turn.at, event);
            let quiet = matches!(
                event,
                Event::StepStarted { .. }
                    | Event::StepRetried { .. }
                    | Event::StepAdmitted { .. }
                    | Event::OperationDropped { .. }
                    | Event::VersionMarked { .. }
            );
            if !quiet {
                lines.push(fact_line(&fact, first, paint));
            }
        }
        lines
    }

    fn take(&mut self, seq: Seq, event: &Event) {
        self.events.push((seq, event.clone()));
        if matches!(event, Event::Restarted { .. }) {
            let events = std::mem::take(&mut self.events);
            self.events = history_in_force(events, |(seq, event)| (*seq, event));
            self.ledger = Ledger::of(self.events.iter().map(|(seq, event)| (*seq, event)));
        } else {
            self.ledger.apply(seq, event);
        }
    }

    /// What it waits for.
    pub fn waits(&self, now: Millis) -> Vec<String> {
        waits(&self.ledger, &self.folder, now)
    }

    /// The budget that it waits for.
    pub fn unpaid(&self) -> Option<ProcessId> {
        self.ledger.unpaid.values().next().map(|need| need.account.clone())
    }

    /// The question that waits longest.
    pub fn ask(&self) -> Option<(Op, &OpenAsk)> {
        self.ledger.asks.iter().next().map(|(op, ask)| (*op, ask))
    }

    /// Whether this question is still open.
    pub fn is_open(&self, op: Op) -> bool {
        self.ledger.asks.contains_key(&op)
    }
}

/// A fact as a line that needs no other lines to align with.
fn fact_line(fact: &Fact, first: Millis, paint: Paint) -> String {
    let time = format!("{:>7}", format!("+{}", span(fact.at.since(first))));
    let line = format!(
        "{}  {}  {:<16}  {}",
        paint.tone(Tone::Quiet, &time),
        paint.tone(fact.tone, &format!("{:<17}", fact.name)),
        fact.subject,
        fact.detail,
    );
    line.trim_end().to_owned()
}
