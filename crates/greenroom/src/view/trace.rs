//! What one request caused, for people: a line for each event, as they come.

use super::fact::Folder;
use super::span::span;
use crate::paint::{Paint, Tone};
use greenroom_api::wire::TracedTurn;
use greenroom_model::{Event, Millis, ProcessId};
use std::collections::HashMap;

const VALUE_LETTERS: usize = 60;
/// Of how many processes it remembers what their steps are called.
const PROCESSES_MAX: usize = 10_000;

/// Turns come in, lines go out.
#[derive(Default)]
pub struct TraceLines {
    first: Option<Millis>,
    folders: HashMap<ProcessId, Folder>,
}

impl TraceLines {
    /// The lines of a turn.
    pub fn turn(&mut self, turn: &TracedTurn, paint: Paint) -> String {
        let first = *self.first.get_or_insert(turn.at);
        if self.folders.len() >= PROCESSES_MAX {
            self.folders.clear();
        }
        let new = || Folder::new(VALUE_LETTERS);
        let folder = self.folders.entry(turn.process.clone()).or_insert_with(new);
        let time = format!("{:>7}", format!("+{}", span(turn.at.since(first))));
        let mut lines = String::new();
        for (place, event) in turn.events.iter().enumerate() {
            let fact = folder.fact(turn.seq.plus(place), turn.at, event);
            let line = format!(
                "{}  {:<24}  {}  {}  {:<16}  {}{}",
                paint.tone(Tone::Quiet, &time),
                turn.process.as_str(),
                paint.tone(Tone::Quiet, &format!("#{:<4}", fact.seq)),
                paint.tone(fact.tone, &format!("{:<17}", fact.name)),
                fact.subject,
                fact.detail,
                cause(event),
            );
            lines.push_str(line.trim_end());
            lines.push('\n');
        }
        lines
    }
}

/// The event of another process that it comes from, where that was noted.
fn cause(event: &Event) -> String {
    let seq = match event {
        Event::MessageReceived { envelope, .. } => {
            envelope.as_ref().and_then(|envelope| envelope.carried.cause)
        }
        Event::WorkflowStarted(segment) => {
            segment.carried.as_ref().and_then(|carried| carried.cause)
        }
        _ => None,
    };
    seq.map(|seq| format!("  its #{seq}")).unwrap_or_default()
}
