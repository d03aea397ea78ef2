//! Where a supervisor's restart takes a child that has ended, what it counts
//! against the message that was being handled, and what a process that is
//! taken back must be given again. Pure.

use crate::rewind::stopped_by_link;
use crate::{Content, Envelope, Event, Exit, Failure, Op, Origin, Seq, restart_point};
use std::collections::BTreeSet;

/// Where a child goes on from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revival {
    /// After the event `keep`.
    On {
        /// The last event that counts.
        keep: Seq,
        /// What it has ended with, each time, since it took the last message.
        crashes: Vec<Failure>,
        /// The message after `keep` has ended it too often: it goes to the dead
        /// letters.
        poison: bool,
    },
    /// At the beginning of its segment: there is no place to go on from.
    Again,
}

/// Decides it from the events in force. A message that the process was
/// handling at `crashes_max` ends in a row is given up.
pub fn revival(events: &[(Seq, Event)], crashes_max: u32) -> Revival {
    let Some(end) = events.iter().rposition(|(_, event)| event.is_end()) else {
        return Revival::Again;
    };
    let past = &events[..end];
    if past.iter().any(|(_, event)| matches!(event, Event::CompensationsStarted { .. })) {
        return Revival::Again;
    }
    let on = |keep| Revival::On { keep, crashes: Vec::new(), poison: false };
    match &events[end].1 {
        Event::WorkflowFailed { exit } if stopped_by_link(past, exit).is_some() => {
            restart_point(events).map_or(Revival::Again, on)
        }
        Event::WorkflowFailed { exit: Exit::Error(failure) } => {
            let Some(message) = handling(past) else {
                return restart_point(events).map_or(Revival::Again, on);
            };
            let mut crashes =
                crashes_since(&past[message..]).unwrap_or_else(|| carried(&past[message].1));
            crashes.push(failure.clone());
            let poison = crashes.len() >= crashes_max.max(1) as usize;
            let keep = match poison {
                true => message.checked_sub(1).map(|before| past[before].0),
                false => restart_point(events).ok(),
            };
            keep.map_or(Revival::Again, |keep| Revival::On { keep, crashes, poison })
        }
        Event::WorkflowFailed { exit: Exit::Killed(_) } => {
            let killed =
                past.iter().rposition(|(_, event)| matches!(event, Event::KillRequested { .. }));
            let kept = killed.unwrap_or(end).checked_sub(1);
            kept.map_or(Revival::Again, |kept| on(past[kept].0))
        }
        Event::WorkflowFailed { .. } => restart_point(events).map_or(Revival::Again, on),
        _ => Revival::Again,
    }
}

/// The place of the last message the code took; an answer to a question is
/// none.
pub(crate) fn handling(past: &[(Seq, Event)]) -> Option<usize> {
    past.iter().rposition(|(_, event)| match event {
        Event::MessageReceived { op, .. } => !past
            .iter()
            .any(|(_, other)| matches!(other, Event::AskOpened { op: asked, .. } if asked == op)),
        _ => false,
    })
}

pub(crate) fn crashes_since(past: &[(Seq, Event)]) -> Option<Vec<Failure>> {
    past.iter().rev().find_map(|(_, event)| match event {
        Event::Restarted { crashes, .. } => Some(crashes.clone()),
        _ => None,
    })
}

/// The crashes that a message came with.
fn carried(message: &Event) -> Vec<Failure> {
    match message {
        Event::MessageReceived { envelope: Some(envelope), .. } => envelope.carried.crashes.clone(),
        _ => Vec::new(),
    }
}

/// Something a process is given again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenBack {
    /// Who sent it.
    pub from: Origin,
    /// What it says.
    pub content: Content,
    /// The envelope it came in, where that was not the process's own.
    pub envelope: Option<Box<Envelope>>,
}

impl GivenBack {
    fn new(from: Origin, content: Content) -> GivenBack {
        GivenBack { from, content, envelope: None }
    }
}

/// What a process must be given again when the events after `keep` no longer
/// count, so that no message, reply or exit is lost.
/// What answers an operation that is taken back with them is not needed again,
/// and a question that is open again is asked again.
pub fn given_back(events: &[(Seq, Event)], keep: Seq) -> Vec<GivenBack> {
    let kept = events.partition_point(|(seq, _)| *seq <= keep);
    let taken_back = &events[kept..];
    let asked = |event: &Event| matches!(event, Event::AskOpened { .. });
    let begun: BTreeSet<Op> = taken_back
        .iter()
        .filter(|(_, event)| !event.is_input())
        .chain(events.iter().filter(|(_, event)| asked(event)))
        .filter_map(|(_, event)| event.op())
        .collect();
    let back = taken_back.iter().filter_map(|(_, event)| match event {
        Event::MessageReceived { from, topic, body, reply_to, op, envelope }
            if !begun.contains(op) =>
        {
            let (topic, body) = (topic.clone(), body.clone());
            let reply_to = reply_to.as_deref().cloned();
            let carried = envelope.as_ref().map(|envelope| Box::new(envelope.carried.clone()));
            let carried = carried.filter(|carried| !carried.is_empty());
            let content = Content::User { topic, body, reply_to, carried };
            Some(GivenBack { from: from.clone(), content, envelope: envelope.clone() })
        }
        Event::ReplyReceived { op, result } if !begun.contains(op) => {
            let content = Content::Reply { op: *op, result: result.clone() };
            Some(GivenBack::new(Origin::Runtime, content))
        }
        Event::ProcessExited { op, id, exit } if !begun.contains(op) => {
            let content = Content::Exited { op: *op, id: id.clone(), exit: exit.clone() };
            Some(GivenBack::new(Origin::Process(id.clone()), content))
        }
        Event::LinkReceived { by } => {
            Some(GivenBack::new(Origin::Process(by.clone()), Content::Link))
        }
        Event::ExitReceived { id, exit, .. } => {
            let content = Content::Exited { op: Op(0), id: id.clone(), exit: exit.clone() };
            Some(GivenBack::new(Origin::Process(id.clone()), content))
        }
        _ => None,
    });
    back.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AskSpec, Payload, ProcessId};

    fn message(op: u64) -> Event {
        Event::MessageReceived {
            op: Op(op),
            from: Origin::Runtime,
            topic: "t".into(),
            body: Payload::null(),
            reply_to: None,
            envelope: None,
        }
    }

    fn step(op: u64) -> Event {
        Event::StepStarted { op: Op(op), name: "s".into(), at_most_once: false, queue: None }
    }

    fn crash(words: &str) -> Event {
        Event::WorkflowFailed { exit: Exit::Error(Failure::msg(words)) }
    }

    fn restarted(keep: u64, crashes: &[&str]) -> Event {
        Event::Restarted {
            keep: Seq(keep),
            by: Origin::Runtime,
            crashes: crashes.iter().map(|words| Failure::msg(*words)).collect(),
            poison: false,
            first_op: None,
            message_op: None,
            settled: Vec::new(),
        }
    }

    fn number(events: Vec<Event>) -> Vec<(Seq, Event)> {
        events.into_iter().enumerate().map(|(at, event)| (Seq(at as u64 + 1), event)).collect()
    }

    #[test]
    fn a_message_is_handled_again_until_it_is_given_up() {
        let on = |keep, crashes: &[&str], poison| Revival::On {
            keep: Seq(keep),
            crashes: crashes.iter().map(|words| Failure::msg(*words)).collect(),
            poison,
        };
        let first = number(vec![step(1), message(2), crash("a")]);
        assert_eq!(revival(&first, 3), on(2, &["a"], false));
        let second = number(vec![step(1), message(2), restarted(2, &["a"]), crash("b")]);
        assert_eq!(revival(&second, 3), on(3, &["a", "b"], false));
        let third = number(vec![step(1), message(2), restarted(2, &["a", "b"]), crash("c")]);
        assert_eq!(revival(&third, 3), on(1, &["a", "b", "c"], true));
    }

    #[test]
    fn the_next_message_begins_from_none() {
        let events = vec![message(1), restarted(1, &["a", "b"]), message(2), crash("c")];
        let Revival::On { crashes, poison, .. } = revival(&number(events), 3) else {
            panic!("there is a place to go on from");
        };
        assert_eq!((crashes.len(), poison), (1, false));
    }

    #[test]
    fn who_was_killed_goes_on_from_before_and_who_is_done_begins_again() {
        let kill = Event::KillRequested {
            reason: "slow".into(),
            by: Origin::Runtime,
            stop: crate::Stop::Resume,
        };
        let end = Event::WorkflowFailed { exit: Exit::Killed("slow".into()) };
        let killed = number(vec![message(1), step(2), kill, end]);
        let on = Revival::On { keep: Seq(2), crashes: vec![], poison: false };
        assert_eq!(revival(&killed, 3), on);
        let done = Event::WorkflowCompleted { result: Payload::null() };
        assert_eq!(revival(&number(vec![message(1), done]), 3), Revival::Again);
    }

    #[test]
    fn what_was_taken_is_given_back_unless_its_question_is_taken_back_too() {
        let call = |op| Event::MessageSent {
            op: Op(op),
            to: ProcessId::parse("a/b").unwrap(),
            topic: "t".into(),
            body: Payload::null(),
            call: true,
            deadline: None,
        };
        let reply = |op| Event::ReplyReceived { op: Op(op), result: Ok(Payload::null()) };
        let spec = AskSpec {
            name: "ok".into(),
            question: "?".into(),
            choices: vec![],
            deadline: None,
            default: None,
        };
        let ask = Event::AskOpened { op: Op(2), ask: Box::new(spec) };
        let kept = vec![call(1), ask];
        let taken_back = vec![reply(1), message(3), message(2), call(4), reply(4), step(5)];
        let back = given_back(&number([kept, taken_back].concat()), Seq(2));
        assert_eq!(back.len(), 2, "{back:?}");
        assert!(matches!(&back[0].content, Content::Reply { op: Op(1), .. }));
        assert!(matches!(&back[1].content, Content::User { .. }));
    }
}
