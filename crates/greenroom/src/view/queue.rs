//! Queues, for people: where pressure is.

use super::span::span;
use crate::paint::{Paint, Tone};
use crate::table::{Align, Table};
use greenroom_model::queue::{CircuitState, QueueView};
use std::time::Duration;

/// From here on somebody waits for long.
const LONG: Duration = Duration::from_secs(60);

/// Queues, a line each.
pub fn queues(queues: &[QueueView], paint: Paint) -> String {
    let mut table = Table::new(&[
        ("QUEUE", Align::Left),
        ("WAITING", Align::Right),
        ("RUNNING", Align::Right),
        ("LIMIT", Align::Left),
        ("RATE", Align::Left),
        ("CIRCUIT", Align::Left),
        ("OLDEST", Align::Right),
    ]);
    for queue in queues {
        let (circuit, tone) = circuit(queue);
        let oldest = oldest(queue);
        let waits_long = oldest.is_some_and(|wait| wait >= LONG);
        table.row(vec![
            (queue.name.clone(), Tone::Plain),
            (queue.waiting.to_string(), Tone::Plain),
            (queue.running.to_string(), Tone::Plain),
            (limit(queue), Tone::Plain),
            (queue.rate.clone().unwrap_or_default(), Tone::Quiet),
            (circuit, tone),
            (
                oldest.map(span).unwrap_or_default(),
                if waits_long { Tone::Warn } else { Tone::Plain },
            ),
        ]);
    }
    table.render(paint)
}

/// What a person should know of a queue; `None`: all goes well.
pub fn pressure(queue: &QueueView) -> Option<String> {
    let QueueView { name, waiting, running, .. } = queue;
    if queue.missing {
        return Some(format!(
            "{name}: no queue of this name is declared here, {waiting} steps wait for one: start \
             the node from the binary that declares it"
        ));
    }
    match queue.circuit {
        Some(CircuitState::Open) => {
            let words = format!("{name}: its circuit is open, {waiting} steps wait");
            return Some(format!("{words}; `greenroom queues reopen {name}` lets them in"));
        }
        Some(CircuitState::HalfOpen) => {
            return Some(format!("{name}: its circuit is being probed, {waiting} steps wait"));
        }
        Some(CircuitState::Closed) | None => {}
    }
    if let Some(held_ms) = queue.held_for_ms {
        let held = span(Duration::from_millis(held_ms));
        let words = format!("{name}: to be left alone for {held}, {waiting} steps wait");
        return Some(format!("{words}; `greenroom queues reopen {name}` lets them in"));
    }
    let oldest = oldest(queue).filter(|wait| *wait >= LONG)?;
    let oldest = span(oldest);
    Some(format!("{name}: {waiting} steps wait, the first for {oldest}; {running} are under way"))
}

fn oldest(queue: &QueueView) -> Option<Duration> {
    queue.oldest_wait_ms.map(Duration::from_millis)
}

fn limit(queue: &QueueView) -> String {
    match (queue.limit, queue.adaptive) {
        (Some(limit), Some((min, max))) => format!("{limit} of {min}..{max}"),
        (Some(limit), None) => limit.to_string(),
        (None, _) => String::new(),
    }
}

fn circuit(queue: &QueueView) -> (String, Tone) {
    if queue.missing {
        return ("not declared".to_owned(), Tone::Bad);
    }
    let held = queue.held_for_ms.map(|ms| format!("held {}", span(Duration::from_millis(ms))));
    match queue.circuit {
        Some(CircuitState::Open) => ("open".to_owned(), Tone::Bad),
        Some(CircuitState::HalfOpen) => ("half-open".to_owned(), Tone::Warn),
        Some(CircuitState::Closed) => (held.unwrap_or_else(|| "closed".to_owned()), Tone::Good),
        None => (held.unwrap_or_default(), Tone::Warn),
    }
}
