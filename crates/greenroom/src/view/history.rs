//! A history for people: one line per fact.

use super::fact::{Fact, Folder};
use super::span::{ago, span, until};
use crate::paint::{Paint, Tone};
use greenroom_api::wire::{Process, Turn};
use greenroom_model::{Event, Ledger, Millis, OpenStep, Seq, history_in_force};

/// How much of a history to show.
#[derive(Clone, Copy, Debug)]
pub struct Detail {
    /// Every event, those that no longer count too.
    pub all: bool,
    /// Values unabridged.
    pub full: bool,
    /// A node works on it: what is open is under way.
    pub live: bool,
}

const VALUE_LETTERS: usize = 60;

/// The facts of a history. Without `all`, a step is one fact, at its end; one
/// that has not ended is shown where it began.
pub fn facts(turns: &[Turn], now: Millis, detail: Detail) -> Vec<Fact> {
    let events: Vec<_> = turns
        .iter()
        .flat_map(|turn| turn.numbered().map(|(seq, event)| (seq, turn.at, event)))
        .collect();
    let in_force = history_in_force(events.clone(), |(seq, _, event)| (*seq, *event));
    let letters = if detail.full { usize::MAX } else { VALUE_LETTERS };
    if detail.all {
        return every(&events, &in_force, letters);
    }
    let ledger = Ledger::of(in_force.iter().map(|(seq, _, event)| (*seq, *event)));
    let mut folder = Folder::new(letters);
    let mut facts = Vec::new();
    for (seq, at, event) in in_force {
        let mut fact = folder.fact(seq, at, event);
        match event {
            Event::StepStarted { op, .. } => {
                let Some(step) = ledger.steps.get(op) else {
                    continue;
                };
                fact.detail = open_step(step, at, now, detail.live && !ledger.parked);
                fact.tone = Tone::Warn;
            }
            Event::StepRetried { .. } | Event::StepAdmitted { .. } => continue,
            Event::OperationDropped { .. } | Event::VersionMarked { .. } => continue,
            _ => {}
        }
        facts.push(fact);
    }
    facts
}

type Placed<'a> = (Seq, Millis, &'a Event);

fn every(events: &[Placed<'_>], in_force: &[Placed<'_>], letters: usize) -> Vec<Fact> {
    let mut folder = Folder::new(letters);
    let mut counting = in_force.iter().map(|(seq, _, _)| *seq).peekable();
    let mut facts = Vec::new();
    for (seq, at, event) in events {
        let mut fact = folder.fact(*seq, *at, event);
        if counting.next_if_eq(seq).is_none() {
            fact.detail = format!("(taken back)  {}", fact.detail);
            fact.tone = Tone::Quiet;
        }
        facts.push(fact);
    }
    facts
}

/// What a step that has not ended is doing.
fn open_step(step: &OpenStep, since: Millis, now: Millis, live: bool) -> String {
    let attempt =
        if step.attempts > 0 { format!("attempt {}  ", step.attempts + 1) } else { String::new() };
    if let Some(retry_at) = step.retry_at {
        return format!("{attempt}{}", until(now, retry_at));
    }
    if step.is_queued() {
        let queue = step.queue.as_ref().map_or("", |queued| queued.name.as_str());
        return format!("{attempt}waits in queue {queue}");
    }
    if live {
        format!("{attempt}running  {}", span(now.since(since)))
    } else {
        format!("{attempt}unknown: no node is running")
    }
}

/// The line above a history.
pub fn header(process: &Process, now: Millis, paint: Paint) -> String {
    let started = format!("started {} ({})", process.started_at, ago(now, process.started_at));
    format!(
        "{}  {}@{}  {}  {}\n",
        paint.tone(Tone::Strong, process.id.as_str()),
        process.kind,
        process.version,
        paint.tone(super::process::status_tone(process.status), process.status.word()),
        paint.tone(Tone::Quiet, &started),
    )
}

/// The facts as aligned lines: time since the first, place, name, subject,
/// detail.
pub fn render(facts: &[Fact], paint: Paint) -> String {
    let first = facts.first().map_or(Millis(0), |fact| fact.at);
    let offset = |fact: &Fact| format!("+{}", span(fact.at.since(first)));
    let width = |of: &dyn Fn(&Fact) -> usize| facts.iter().map(of).max().unwrap_or(0);
    let times = width(&|fact| offset(fact).chars().count());
    let places = width(&|fact| fact.seq.to_string().len());
    let names = width(&|fact| fact.name.len());
    let subjects = width(&|fact| fact.subject.chars().count()).min(32);
    let mut out = String::new();
    for fact in facts {
        let place = format!("#{:<places$}", fact.seq.0);
        let line = format!(
            "{}  {}  {}  {:<subjects$}  {}",
            paint.tone(Tone::Quiet, &format!("{:>times$}", offset(fact))),
            paint.tone(Tone::Quiet, &place),
            paint.tone(fact.tone, &format!("{:<names$}", fact.name)),
            fact.subject,
            fact.detail,
        );
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}
