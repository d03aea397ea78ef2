//! A step's result is recorded once; it is repeated only where the journal
//! says so; one that may run at most once does.

use crate::outside::Outside;
use crate::run::Seen;
use greenroom_journal::Loaded;
use greenroom_model::{Event, Op};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn check(seen: &Seen, outside: &Outside) -> Vec<String> {
    let mut found = Vec::new();
    let mut ran: BTreeMap<(String, u32), u32> = BTreeMap::new();
    for called in outside.calls() {
        *ran.entry((called.key, called.attempt)).or_default() += 1;
    }
    for loaded in &seen.processes {
        let id = loaded.row.id.as_str();
        let events: Vec<&Event> = loaded.turns.iter().flat_map(|turn| &turn.events).collect();
        results(id, &events, &mut found);
        let rewinds =
            events.iter().filter(|event| matches!(event, Event::Restarted { .. })).count();
        attempts(id, &events, rewinds, &ran, &mut found);
    }
    let known: BTreeSet<&str> =
        seen.processes.iter().map(|loaded: &Loaded| loaded.row.id.as_str()).collect();
    for (key, _) in ran.keys() {
        if !key.rsplit_once('#').is_some_and(|(id, _)| known.contains(id)) {
            found.push(format!("a step ran as {key}, of a process that is not there"));
        }
    }
    found
}

/// Each operation ends once, until a restart takes it back.
fn results(id: &str, events: &[&Event], found: &mut Vec<String>) {
    let mut ended: BTreeSet<Op> = BTreeSet::new();
    for event in events {
        match event {
            Event::StepCompleted { op, .. } | Event::StepFailed { op, .. }
                if !ended.insert(*op) =>
            {
                found.push(format!("{id}: step {op} has two results"));
            }
            Event::Restarted { .. } => ended.clear(),
            _ => {}
        }
    }
}

fn attempts(
    id: &str,
    events: &[&Event],
    rewinds: usize,
    ran: &BTreeMap<(String, u32), u32>,
    found: &mut Vec<String>,
) {
    let rewinds = u32::try_from(rewinds).unwrap_or(u32::MAX);
    let careful: BTreeSet<Op> = events
        .iter()
        .filter_map(|event| match event {
            Event::StepStarted { op, at_most_once: true, .. } => Some(*op),
            _ => None,
        })
        .collect();
    let mut careful_runs: BTreeMap<Op, u32> = BTreeMap::new();
    for ((key, attempt), times) in ran {
        let Some((_, op)) = key.rsplit_once('#').filter(|(of, _)| *of == id) else { continue };
        let Ok(op) = op.parse().map(Op) else { continue };
        if *times > 1 + rewinds {
            found.push(format!("attempt {attempt} of {key} ran {times} times"));
        }
        if careful.contains(&op) {
            *careful_runs.entry(op).or_default() += times;
        }
    }
    for (op, times) in careful_runs {
        if times > 1 + rewinds {
            found.push(format!("{id}: step {op} may run at most once, and ran {times} times"));
        }
    }
}
