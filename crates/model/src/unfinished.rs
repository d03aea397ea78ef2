//! The message that a process was handling when it ended: what a supervisor
//! that has it begin anew must not lose. Pure.

use crate::revival::{crashes_since, handling};
use crate::{Carried, Content, Envelope, Event, Exit, Failure, GivenBack, Ledger, Op, Seq};
use std::collections::BTreeSet;

/// A message whose handling was cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// What is given back. It carries its crashes with it.
    pub back: GivenBack,
    /// What its process has ended with in a row while it handled this one.
    pub crashes: Vec<Failure>,
}

/// The message, if the process ended while it handled one. `hops`: its own
/// distance from its root.
pub fn unfinished(events: &[(Seq, Event)], hops: u32) -> Option<Unfinished> {
    let end = events.iter().rposition(|(_, event)| event.is_end())?;
    let past = &events[..end];
    let taken = handling(past)?;
    let stops = past[taken..].iter().position(|(_, event)| {
        matches!(
            event,
            Event::CompensationsStarted { .. }
                | Event::KillRequested { .. }
                | Event::CancelRequested { .. }
        )
    });
    let done = &past[..stops.map_or(end, |place| taken + place)];
    let failure = match &events[end].1 {
        Event::WorkflowFailed { exit: Exit::Error(failure) } => Some(failure),
        Event::WorkflowFailed { .. } => None,
        _ => return None,
    };
    let begun: BTreeSet<Op> = done[taken..]
        .iter()
        .filter(|(_, event)| !event.is_input())
        .filter_map(|(_, event)| event.op())
        .collect();
    let in_hand = match failure {
        Some(_) => ended_by_it(done, taken, &begun),
        None => waited_for_its_own(done, &begun),
    };
    in_hand.then(|| give_back(done, taken, failure, hops)).flatten()
}

/// The last thing that came was the message, or an answer to something that
/// was begun for it.
fn ended_by_it(done: &[(Seq, Event)], taken: usize, begun: &BTreeSet<Op>) -> bool {
    let last = done.iter().rposition(|(_, event)| event.wakes_code());
    let answers = |event: &Event| event.op().is_some_and(|op| begun.contains(&op));
    last.is_some_and(|last| last == taken || answers(&done[last].1))
}

/// Something that was begun for it was open.
fn waited_for_its_own(done: &[(Seq, Event)], begun: &BTreeSet<Op>) -> bool {
    let ledger = Ledger::of(done.iter().map(|(seq, event)| (*seq, event)));
    ledger.open_ops().any(|op| begun.contains(&op))
}

fn give_back(
    done: &[(Seq, Event)],
    taken: usize,
    failure: Option<&Failure>,
    hops: u32,
) -> Option<Unfinished> {
    let Event::MessageReceived { from, topic, body, reply_to, envelope, .. } = &done[taken].1
    else {
        return None;
    };
    let mut envelope = envelope.as_deref().cloned().unwrap_or_else(|| Envelope {
        root: None,
        hops,
        carried: Carried::default(),
    });
    let since = crashes_since(&done[taken..]);
    let mut crashes = since.unwrap_or_else(|| envelope.carried.crashes.clone());
    crashes.extend(failure.cloned());
    envelope.carried.crashes.clone_from(&crashes);
    let content = Content::User {
        topic: topic.clone(),
        body: body.clone(),
        reply_to: reply_to.as_deref().cloned(),
        carried: Some(Box::new(envelope.carried.clone())),
    };
    let back = GivenBack { from: from.clone(), content, envelope: Some(Box::new(envelope)) };
    Some(Unfinished { back, crashes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Origin, Payload, Stop};

    fn message(op: u64) -> Event {
        Event::MessageReceived {
            op: Op(op),
            from: Origin::Runtime,
            topic: format!("m{op}"),
            body: Payload::null(),
            reply_to: None,
            envelope: None,
        }
    }

    fn step(op: u64) -> Event {
        Event::StepStarted { op: Op(op), name: "s".into(), at_most_once: false, queue: None }
    }

    fn done(op: u64) -> Event {
        Event::StepCompleted { op: Op(op), attempt: 1, result: Payload::null() }
    }

    fn crash() -> Event {
        Event::WorkflowFailed { exit: Exit::Error(Failure::msg("x")) }
    }

    fn killed() -> [Event; 2] {
        let by = Origin::Runtime;
        [
            Event::KillRequested { reason: "slow".into(), by, stop: Stop::Resume },
            Event::WorkflowFailed { exit: Exit::Killed("slow".into()) },
        ]
    }

    fn topic(events: Vec<Event>) -> Option<String> {
        let numbered: Vec<(Seq, Event)> =
            events.into_iter().enumerate().map(|(at, event)| (Seq(at as u64 + 1), event)).collect();
        match unfinished(&numbered, 3)?.back.content {
            Content::User { topic, .. } => Some(topic),
            _ => None,
        }
    }

    #[test]
    fn what_it_failed_at_is_unfinished() {
        assert_eq!(topic(vec![message(1), crash()]).as_deref(), Some("m1"));
        let at_a_step = vec![message(1), message(2), step(3), done(3), crash()];
        assert_eq!(topic(at_a_step).as_deref(), Some("m2"));
        let undone = Event::CompensationsStarted { failure: Failure::msg("x") };
        let saga = vec![message(1), step(2), done(2), undone, step(4), done(4), crash()];
        assert_eq!(topic(saga).as_deref(), Some("m1"));
    }

    #[test]
    fn what_it_was_done_with_is_not() {
        // Something older woke it.
        assert_eq!(topic(vec![step(1), message(2), done(1), crash()]), None);
        let result = Event::WorkflowCompleted { result: Payload::null() };
        assert_eq!(topic(vec![message(1), result]), None);
        let idle = [vec![message(1), step(2), done(2)], killed().to_vec()].concat();
        assert_eq!(topic(idle), None);
        assert_eq!(topic(vec![step(1), done(1), crash()]), None);
    }

    #[test]
    fn what_a_kill_cuts_off_is_unfinished() {
        let busy = [vec![message(1), step(2)], killed().to_vec()].concat();
        assert_eq!(topic(busy).as_deref(), Some("m1"));
    }

    #[test]
    fn a_message_carries_its_crashes() {
        let first = vec![(Seq(1), message(1)), (Seq(2), crash())];
        let Unfinished { back, crashes } = unfinished(&first, 3).unwrap();
        assert_eq!(crashes.len(), 1);
        let again = Event::MessageReceived {
            op: Op(9),
            from: Origin::Runtime,
            topic: "m1".into(),
            body: Payload::null(),
            reply_to: None,
            envelope: back.envelope,
        };
        let second = vec![(Seq(3), again), (Seq(4), crash())];
        assert_eq!(unfinished(&second, 3).unwrap().crashes.len(), 2);
    }
}
