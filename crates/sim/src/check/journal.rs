//! A journal is what was written, and the row says what the journal says.

use crate::log::Log;
use crate::run::Seen;
use greenroom_journal::{Loaded, TurnRow, encode_events};
use greenroom_model::{Event, Ledger, Millis, Seq, history_in_force};
use std::collections::BTreeMap;

pub(super) fn check(seen: &Seen, log: &Log) -> Vec<String> {
    let mut found = Vec::new();
    for loaded in &seen.processes {
        let id = &loaded.row.id;
        let mut wrong = |words: String| found.push(format!("{id}: {words}"));
        let written = log.turns.get(&loaded.row.no).map(Vec::as_slice).unwrap_or_default();
        let same = |turn: &TurnRow, written: &crate::log::WrittenTurn| {
            turn.seq == written.seq
                && turn.at == written.at
                // What went to the blob store reads back in full.
                && (written.body.contains("\"$blob\"")
                    || encode_events(&turn.events).is_ok_and(|body| body == written.body))
        };
        let turns: Vec<&TurnRow> =
            loaded.turns.iter().filter(|turn| !turn.events.is_empty()).collect();
        let kept: Vec<_> = written.iter().filter(|turn| turn.count > 0).collect();
        if turns.len() != kept.len() || !turns.iter().zip(kept).all(|(a, b)| same(a, b)) {
            wrong("its journal is not what was written to it".to_owned());
        }
        let times: Vec<Millis> = turns.iter().map(|turn| turn.at).collect();
        if !times.is_sorted() {
            wrong("time goes back in its journal".to_owned());
        }
        row(seen, loaded, &mut wrong);
    }
    found
}

/// The row's columns are a fold over the journal.
fn row(seen: &Seen, loaded: &Loaded, wrong: &mut dyn FnMut(String)) {
    let events: Vec<(Seq, Event)> = loaded
        .turns
        .iter()
        .flat_map(|turn| {
            let first = turn.seq;
            turn.events.iter().enumerate().map(move |(at, event)| (first.plus(at), event.clone()))
        })
        .collect();
    let begins = events.iter().rev().find(|(_, event)| event.segment().is_some());
    if begins.map(|(seq, _)| *seq) != Some(loaded.row.segment) {
        wrong(format!("its row says its segment begins at {}", loaded.row.segment));
    }
    let events = history_in_force(events, |(seq, event)| (*seq, event));
    let ledger = Ledger::of(events.iter().map(|(seq, event)| (*seq, event)));
    if ledger.status() != loaded.row.status || ledger.wake_at() != loaded.row.wake_at {
        let (is, wake) = (ledger.status(), ledger.wake_at());
        wrong(format!(
            "its row says {} until {:?}, its journal {is} until {wake:?}",
            loaded.row.status, loaded.row.wake_at
        ));
    }
    if ledger.ended.is_some() != loaded.row.exit.is_some() {
        wrong("its row and its journal disagree on whether it has ended".to_owned());
    }
    let mut state = BTreeMap::new();
    for (_, event) in &events {
        match event {
            Event::WorkflowStarted(segment) | Event::WorkflowContinued(segment) => {
                state = segment
                    .state
                    .iter()
                    .map(|(key, value)| (key.clone(), value.to_string()))
                    .collect();
            }
            Event::StateSet { key, value } => {
                state.insert(key.clone(), value.to_string());
            }
            _ => {}
        }
    }
    if seen.states.get(loaded.row.id.as_str()) != Some(&state) {
        let shown = seen.states.get(loaded.row.id.as_str());
        wrong(format!("queries read {shown:?}, its journal says {state:?}"));
    }
}
