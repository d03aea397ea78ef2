//! A journal is only appended to, yet a restart takes a process back: which
//! events still count, and where a restart goes back to.

use crate::{Event, Seq};

/// The events that count: a `Restarted { keep }` takes back all after `keep`
/// that stand before it. `events` are one segment's or a whole journal's, in
/// order; the result keeps their order.
pub fn history_in_force<T>(events: Vec<T>, read: impl Fn(&T) -> (Seq, &Event)) -> Vec<T> {
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

/// Where a restart without further wishes goes back to, in the events in
/// force: before the failure of the step that ended the process, so that the
/// step is tried again under its old key; else to the last input, so that the
/// code is run on from there. `None` if the process has not ended.
pub fn restart_point(events: &[(Seq, Event)]) -> Option<Seq> {
    let end = events.iter().rposition(|(_, event)| event.is_end())?;
    let last_input = events[..end].iter().rposition(|(_, event)| event.is_input())?;
    let (_, input) = &events[last_input];
    let gone = matches!(
        input,
        Event::StepFailed { .. } | Event::StepUnknown { .. } | Event::CancelRequested { .. }
    );
    let kept = if gone { last_input.checked_sub(1)? } else { last_input };
    Some(events[kept].0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Exit, Failure, Op, Origin, Payload};

    fn step(op: u64) -> Event {
        Event::StepStarted { op: Op(op), name: "s".into(), at_most_once: false }
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
        let restarted = |keep| Event::Restarted { keep: Seq(keep), by: Origin::Runtime };
        assert_eq!(in_force(vec![step(1), done(1), step(2), restarted(2), step(2)]), [1, 2, 4, 5]);
        assert_eq!(in_force(vec![step(1), restarted(1), done(1), restarted(1)]), [1, 4]);
    }

    #[test]
    fn a_failed_step_is_tried_again() {
        let failed = Event::StepFailed { op: Op(2), attempt: 5, failure: Failure::msg("down") };
        let end = Event::WorkflowFailed { exit: Exit::Error(Failure::msg("down")) };
        let events = number(vec![step(1), done(1), step(2), failed, end.clone()]);
        assert_eq!(restart_point(&events), Some(Seq(3)));
        let events = number(vec![step(1), done(1), end]);
        assert_eq!(restart_point(&events), Some(Seq(2)));
        assert_eq!(restart_point(&number(vec![step(1)])), None);
    }
}
