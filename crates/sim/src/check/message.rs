//! Every message is handled once: consumed by one turn, or a dead letter, or
//! still waiting for a process that can take it.

use crate::log::Log;
use crate::run::Seen;
use greenroom_journal::Loaded;
use greenroom_model::{Event, MessageNo, Op};
use std::collections::BTreeSet;

pub(super) fn check(seen: &Seen, log: &Log) -> Vec<String> {
    let mut found = Vec::new();
    for loaded in &seen.processes {
        let (id, no) = (&loaded.row.id, loaded.row.no);
        let waiting: BTreeSet<MessageNo> =
            loaded.mailbox.iter().map(|message| message.no).collect();
        if loaded.row.status.is_ended() && !waiting.is_empty() {
            found.push(format!("{id} has ended and has {} messages left", waiting.len()));
        }
        let own = || log.messages.iter().filter(|(_, message)| message.to == no);
        for (number, message) in own() {
            let place = waiting.contains(number);
            match message.consumed {
                0 if !place && !loaded.row.status.is_ended() && message.is_user => {
                    found.push(format!("{id} has lost message {number}"));
                }
                1 if place => found.push(format!("{id} keeps message {number} it has consumed")),
                0 | 1 => {}
                times => found.push(format!("{id} has consumed message {number} {times} times")),
            }
        }
        let consumed = own().filter(|(_, message)| message.is_user && message.consumed > 0).count();
        let received = received(loaded);
        if consumed != received {
            found.push(format!("{id} has received {received} messages, and consumed {consumed}"));
        }
    }
    found
}

/// How many messages its journal says it took, answers to asks aside.
fn received(loaded: &Loaded) -> usize {
    let events = || loaded.turns.iter().flat_map(|turn| &turn.events);
    let asks: BTreeSet<Op> = events()
        .filter_map(|event| match event {
            Event::AskOpened { op, .. } => Some(*op),
            _ => None,
        })
        .collect();
    let taken = |event: &&Event| match event {
        Event::MessageReceived { op, .. } => !asks.contains(op),
        _ => false,
    };
    // A fork's journal begins with what another process took.
    let copied = events().position(|event| matches!(event, Event::Forked { .. })).unwrap_or(0);
    events().skip(copied).filter(taken).count()
}
