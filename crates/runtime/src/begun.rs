//! The start of a process that has a history already: of a fork, or of one
//! that comes from another store. Knows no node.

use crate::{Error, Result};
use greenroom_journal::{AskChange, FirstTurn, Spawn, TurnRow, Watch, encode_events, externalise};
use greenroom_model::{Event, Ledger, Op, ProcessId, history_in_force, state_after};
use std::collections::BTreeMap;

/// A process's history, ready to start one with it.
pub(crate) struct History {
    pub spawn: Spawn,
    /// Calls without a reply, and whom they called.
    pub calls: BTreeMap<Op, ProcessId>,
}

/// The start of a process that has this history already.
pub(crate) fn spawn_of(
    id: ProcessId,
    turns: Vec<TurnRow>,
) -> impl FnOnce(&dyn greenroom_journal::Journal) -> Result<History> {
    move |journal| {
        let mut events = Vec::new();
        let mut first_turns = Vec::new();
        for TurnRow { seq, at, events: mut turn } in turns {
            for (place, event) in turn.iter().enumerate() {
                events.push((seq.plus(place), event.clone()));
            }
            for event in &mut turn {
                externalise(journal, event)?;
            }
            first_turns.push(FirstTurn { at, body: encode_events(&turn)?, count: turn.len() });
        }
        let events = history_in_force(events, |(seq, event)| (*seq, event));
        let begin = events.iter().rev().find_map(|(seq, event)| Some((*seq, event.segment()?)));
        let Some((segment_seq, segment)) = begin else {
            return Err(Error::BadRequest("the history has no beginning".to_owned()));
        };
        let ledger = Ledger::of(events.iter().map(|(seq, event)| (*seq, event)));
        let state = state_after(events.iter().map(|(_, event)| event));
        let exit = events.iter().rev().find_map(|(_, event)| match event {
            Event::WorkflowCompleted { result } => {
                Some(greenroom_model::Exit::Normal(result.clone()))
            }
            Event::WorkflowFailed { exit } => Some(exit.clone()),
            _ => None,
        });
        let calls = ledger.calls.clone();
        let spawn = Spawn {
            id,
            kind: segment.kind.clone(),
            parent: None,
            // Its parent's own history says whether it hears of the end.
            watched: false,
            detached: false,
            revive: None,
            root: segment.root.clone(),
            hops: 0,
            turns: first_turns,
            status: ledger.status(),
            wake_at: ledger.wake_at(),
            segment: segment_seq,
            exit: exit.filter(|_| ledger.ended.is_some()),
            state: state.into_iter().collect(),
            asks: (ledger.asks.iter())
                .map(|(op, ask)| AskChange::Open { op: *op, spec: ask.spec.clone() })
                .collect(),
            watches: (ledger.watches.iter())
                .map(|(op, target)| Watch { op: *op, target: target.clone() })
                .collect(),
        };
        Ok(History { spawn, calls })
    }
}
