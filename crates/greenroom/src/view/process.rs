//! Lists for people: processes, asks.

use super::short::short;
use super::span::{span, until};
use crate::paint::{Paint, Tone};
use crate::table::{Align, Table};
use greenroom_api::wire::{Ask, Place, Process};
use greenroom_model::{Exit, Millis, Status};
use greenroom_runtime::BlockedBy;

/// How good or bad a status is.
pub fn status_tone(status: Status) -> Tone {
    match status {
        Status::Completed => Tone::Good,
        Status::Failed | Status::Parked | Status::Damaged => Tone::Bad,
        Status::Asking | Status::Paused | Status::Cancelled => Tone::Warn,
        _ => Tone::Plain,
    }
}

/// Processes. `asks` tells what those that ask wait for.
pub fn processes(processes: &[Process], asks: &[Ask], now: Millis, paint: Paint) -> String {
    let mut table = Table::new(&[
        ("ID", Align::Left),
        ("KIND", Align::Left),
        ("STATUS", Align::Left),
        ("AGE", Align::Right),
        ("EVENTS", Align::Right),
        ("WAITS FOR", Align::Left),
    ]);
    for process in processes {
        table.row(vec![
            (process.id.to_string(), Tone::Plain),
            (format!("{}@{}", process.kind, process.version), Tone::Quiet),
            (status_word(process).to_owned(), status_tone(process.status)),
            (span(now.since(process.started_at)), Tone::Plain),
            (process.events.to_string(), Tone::Plain),
            (waits_for(process, asks, now), Tone::Quiet),
        ]);
    }
    table.render(paint)
}

/// Its status; a step that only waits for its turn is not at work.
fn status_word(process: &Process) -> &'static str {
    if process.queue.is_some() { "queued" } else { process.status.word() }
}

fn waits_for(process: &Process, asks: &[Ask], now: Millis) -> String {
    if let Some(Exit::Error(failure)) = &process.exit {
        return short(&failure.to_string(), 50);
    }
    if process.status == Status::Damaged {
        return format!("a person: `greenroom result {}`", process.id);
    }
    let own = asks.iter().filter(|ask| ask.process == process.id);
    let mut parts: Vec<_> = own.map(|ask| ask.name.clone()).collect();
    parts.extend(process.queue.as_ref().map(|queue| format!("queue {queue}")));
    parts.extend(process.blocked_by.as_ref().map(|by| match by {
        BlockedBy::Mailbox(id) => format!("room at {id}"),
        BlockedBy::Budget(id) => format!("the budget of {id}"),
    }));
    if !process.status.is_ended() {
        parts.extend(process.wake_at.map(|at| until(now, at)));
    }
    parts.join(", ")
}

/// Open questions, each with how to answer it.
pub fn asks(asks: &[Ask], now: Millis, paint: Paint) -> String {
    let mut table = Table::new(&[
        ("ASK", Align::Left),
        ("NAME", Align::Left),
        ("AGE", Align::Right),
        ("ENDS", Align::Left),
        ("ANSWERS", Align::Left),
        ("QUESTION", Align::Left),
    ]);
    for ask in asks {
        let answers = if ask.choices.is_empty() { "any".to_owned() } else { ask.choices.join("|") };
        table.row(vec![
            (ask.id.clone(), Tone::Plain),
            (short(&ask.name, 30), Tone::Plain),
            (span(now.since(ask.opened_at)), Tone::Plain),
            (ask.deadline.map_or("never".to_owned(), |at| until(now, at)), Tone::Quiet),
            (short(&answers, 40), Tone::Plain),
            (short(&ask.question, 100), Tone::Plain),
        ]);
    }
    table.render(paint)
}

/// Who is found where, under this heading.
pub fn places(places: &[Place], heading: &'static str, paint: Paint) -> String {
    let mut table = Table::new(&[(heading, Align::Left), ("PROCESS", Align::Left)]);
    for Place { name, process } in places {
        table.row(vec![(name.clone(), Tone::Plain), (process.to_string(), Tone::Plain)]);
    }
    table.render(paint)
}
