//! A journal is only appended to, yet a restart takes a process back: which
//! events still count, and where a restart goes back to.

use crate::{Event, Exit, Failure, Payload, Seq, failure};
use std::collections::BTreeMap;

/// The events that count: a `Restarted { keep }` takes back all after `keep`
/// that stand before it. `events` are one segment's or a whole journal's, in
/// order; the result keeps their order.
pub fn history_in_force<T>(events: Vec<T>, read: impl Fn(&T) -> (Seq, &Event)) -> Vec<T> {
    if !events.iter().any(|event| matches!(read(event).1, Event::Restarted { .. })) {
        return events;
    }
    let mut kept: Vec<T> = Vec::with_capacity(events.len());
    for event in events {
        if let (_, Event::Restarted { keep, .. }) = read(&event) {
            let keep = *keep;
            while kept.last().is_some_and(|last| read(last).0 > keep) {
                kept.pop();
            }
        }
        kept.push(event);
    }
    kept
}

/// The state that queries may read after these events of one segment.
pub fn state_after<'a>(events: impl IntoIterator<Item = &'a Event>) -> BTreeMap<String, Payload> {
    let mut state = BTreeMap::new();
    for event in events {
        match event {
            Event::StateSet { key, value } => {
                state.insert(key.clone(), value.clone());
            }
            event => {
                if let Some(segment) = event.segment() {
                    state.clone_from(&segment.state);
                }
            }
        }
    }
    state
}

/// Where a restart without further wishes goes back to, in the events in
/// force: before the failure (of a step, or the wish to stop) that the process
/// ended with, so that the step is tried again under its old key. If no such
/// failure is recorded, to just before the end: nothing is asked for twice, and
/// the code decides again.
///
/// # Errors
/// Why there is no such place, and what to do instead.
pub fn restart_point(events: &[(Seq, Event)]) -> Result<Seq, &'static str> {
    let Some(end) = events.iter().rposition(|(_, event)| event.is_end()) else {
        return Err("it has not ended; use `--fresh` or `--at SEQ`, or cancel it first");
    };
    let (past, exit) = (&events[..end], &events[end].1);
    if past.iter().any(|(_, event)| matches!(event, Event::CompensationsStarted { .. })) {
        return Err("its compensations have run, so what was done has been undone; \
                    `--fresh` begins anew, with new keys");
    }
    let cause = match exit {
        // Its own work is not at fault.
        Event::WorkflowFailed { exit } if stopped_by_link(past, exit).is_some() => {
            stopped_by_link(past, exit)
        }
        Event::WorkflowFailed { exit: Exit::Error(ended_with) } => {
            let failed = |event: &Event| matches!(event, Event::StepFailed { failure, .. } if failure == ended_with);
            // Code may have put its own words around it.
            let quoted = |event: &Event| matches!(event, Event::StepFailed { failure, .. } if is_quoted(failure, ended_with));
            let lost = |event: &Event| {
                ended_with.is(failure::UNKNOWN) && matches!(event, Event::StepUnknown { .. })
            };
            let last = |is: &dyn Fn(&Event) -> bool| past.iter().rposition(|(_, event)| is(event));
            last(&failed).or_else(|| last(&quoted)).or_else(|| last(&lost))
        }
        Event::WorkflowFailed { exit: Exit::Cancelled(_) | Exit::Shutdown(_) } => {
            past.iter().rposition(|(_, event)| matches!(event, Event::CancelRequested { .. }))
        }
        Event::WorkflowFailed { .. } => None,
        _ => return Err("it ended with a result; `--fresh` runs it again, with new keys"),
    };
    let kept = cause.or_else(|| answer_at_fault(past)).unwrap_or(end).checked_sub(1);
    kept.map(|kept| past[kept].0).ok_or("its history has no beginning")
}

/// Whether one failure is another with more words around it.
fn is_quoted(failure: &Failure, within: &Failure) -> bool {
    failure.kind == within.kind
        && !failure.message.is_empty()
        && within.message.contains(&failure.message)
}

/// Where a process was asked to stop since a linked one had ended, if that is
/// what it ended of.
pub(crate) fn stopped_by_link(past: &[(Seq, Event)], ended: &Exit) -> Option<usize> {
    past.iter().rposition(|(_, event)| match event {
        Event::CancelRequested { exit: Some(exit), .. } => **exit == *ended,
        _ => false,
    })
}

/// The answer to an ask that the code failed on at once: taken back, the ask is
/// open again. A message would be lost, so it stays.
fn answer_at_fault(past: &[(Seq, Event)]) -> Option<usize> {
    let last = past.iter().rposition(|(_, event)| event.wakes_code())?;
    let Event::MessageReceived { op, .. } = &past[last].1 else { return None };
    let asked = |event: &Event| matches!(event, Event::AskOpened { op: asked, .. } if asked == op);
    past.iter().any(|(_, event)| asked(event)).then_some(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Op, Origin};

    fn step(op: u64) -> Event {
        Event::StepStarted { op: Op(op), name: "s".into(), at_most_once: false, queue: None }
    }

    fn done(op: u64) -> Event {
        Event::StepCompleted { op: Op(op), attempt: 1, result: Payload::null() }
    }

    fn number(events: Vec<Event>) -> Vec<(Seq, Event)> {
        events.into_iter().enumerate().map(|(at, event)| (Seq(at as u64 + 1), event)).collect()
    }

    fn in_force(events: Vec<Event>) -> Vec<u64> {
        history_in_force(number(events), |(seq, event)| (*seq, event))
            .into_iter()
            .map(|(seq, _)| seq.0)
            .collect()
    }

    #[test]
    fn a_restart_takes_back_what_followed() {
        let restarted = |keep| Event::Restarted {
            keep: Seq(keep),
            by: Origin::Runtime,
            crashes: Vec::new(),
            poison: false,
            first_op: None,
            message_op: None,
            settled: Vec::new(),
        };
        assert_eq!(in_force(vec![step(1), done(1), step(2), restarted(2), step(2)]), [1, 2, 4, 5]);
        assert_eq!(in_force(vec![step(1), restarted(1), done(1), restarted(1)]), [1, 4]);
    }

    fn failed(op: u64, words: &str) -> Event {
        Event::StepFailed { op: Op(op), attempt: 5, failure: Failure::msg(words) }
    }

    fn ended(words: &str) -> Event {
        Event::WorkflowFailed { exit: Exit::Error(Failure::msg(words)) }
    }

    #[test]
    fn a_failed_step_is_tried_again() {
        let events = number(vec![step(1), done(1), step(2), failed(2, "down"), ended("down")]);
        assert_eq!(restart_point(&events), Ok(Seq(3)));
    }

    #[test]
    fn a_failure_that_the_code_has_put_into_words_is_still_that_steps() {
        let events = vec![step(1), failed(1, "down"), step(2), failed(2, "lost"), ended("a: lost")];
        assert_eq!(restart_point(&number(events.clone())), Ok(Seq(3)));
        let other = Event::WorkflowFailed { exit: Exit::Error(Failure::new("own", "a: lost")) };
        assert_eq!(restart_point(&number([&events[..4], &[other]].concat())), Ok(Seq(4)));
    }

    #[test]
    fn what_was_done_after_the_failure_does_not_hide_it() {
        let events = vec![step(1), step(2), failed(1, "down"), done(2), step(3), done(3)];
        let events = number([events, vec![ended("down")]].concat());
        assert_eq!(restart_point(&events), Ok(Seq(2)));
    }

    #[test]
    fn a_failure_of_the_codes_own_asks_for_nothing_twice() {
        let events = number(vec![failed(1, "caught"), step(2), done(2), step(3), ended("own")]);
        assert_eq!(restart_point(&events), Ok(Seq(4)));
    }

    #[test]
    fn what_has_been_undone_or_has_not_failed_is_not_restarted() {
        let undone = Event::CompensationsStarted { failure: Failure::msg("down") };
        let events = vec![failed(1, "down"), undone, step(2), done(2), ended("down")];
        assert!(restart_point(&number(events)).is_err_and(|why| why.contains("compensations")));
        assert!(restart_point(&number(vec![step(1)])).is_err_and(|why| why.contains("not ended")));
        let completed = Event::WorkflowCompleted { result: Payload::null() };
        assert!(restart_point(&number(vec![completed])).is_err());
    }
}
