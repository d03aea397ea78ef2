//! Fresh code, run against a journal cut off after its last input, asks for
//! the very commands that stand behind it.

use crate::boot::{Boot, Ground};
use crate::faulty::Faults;
use crate::machine::{Machine, Owner};
use crate::outside::Outside;
use crate::plan::Plan;
use crate::run::Seen;
use crate::scenario::Scenario;
use greenroom_journal::{Journal, Memory, Scope};
use greenroom_model::{Divergence, Event, Exit, Seq};
use greenroom_runtime::Exported;
use std::sync::Arc;

/// After so many actions a replay is given up.
const ACTIONS_MAX: usize = 4_000;

pub(super) fn check(seen: &Seen, ran: &Memory, scenario: &Scenario) -> Vec<String> {
    let machine = Arc::new(Machine::default());
    let faults = Arc::new(Faults::new(&Plan::calm(0)));
    let store = Memory::new();
    let ground = Ground { machine: machine.clone(), wall: Arc::default(), store, faults };
    let registry = (scenario.registry)(&Outside::deaf(machine.clone()));
    let Ok(mut boot) = Boot::start(&ground, 1, 0, registry, usize::MAX) else {
        return vec!["the replay could not begin".to_owned()];
    };
    boot.look();
    let mut cuts = Vec::new();
    for loaded in &seen.processes {
        let Ok(Some(whole)) = ran.load(loaded.row.no, Scope::Whole) else { continue };
        // Format 1: a line that stands alone.
        let mut exported = Exported { format: 1, status: None, ..Exported::of(whole) };
        exported.mailbox.clear();
        let Some(tail) = cut(&mut exported) else { continue };
        let end = exported
            .turns
            .last()
            .map_or(Seq(0), |turn| Seq(turn.seq.0 + turn.events.len() as u64 - 1));
        cuts.push((exported.id.clone(), end, tail));
        let Ok(line) = greenroom_runtime::line(&exported) else { continue };
        let (node, file) = (boot.node.clone(), std::io::Cursor::new(line.into_bytes()));
        machine.spawn(Owner::Users, Box::pin(async move { drop(node.import(file).await) }));
    }
    // All are there before any runs: a parent would start its child anew.
    settle(&boot, &machine, false);
    // There are no threads here that would wake what was imported.
    boot.engine.clone().recover();
    settle(&boot, &machine, true);
    let mut found = Vec::new();
    for (id, end, tail) in cuts {
        let row = ground.store.find(&id).ok().flatten();
        let again = row.and_then(|row| ground.store.load(row.no, Scope::After(end)).ok().flatten());
        let again: Vec<Event> = again
            .into_iter()
            .flat_map(|loaded| loaded.turns)
            .flat_map(|turn| turn.events)
            .collect();
        if let Some(words) = differs(&tail, &again) {
            found.push(format!("{id}: run again, {words}"));
        }
    }
    machine.kill(Owner::Users);
    found
}

/// Takes off what follows the last input, and gives it back. `None`: there is
/// nothing to run again.
fn cut(exported: &mut Exported) -> Option<Vec<Event>> {
    let mut tail = Vec::new();
    loop {
        let turn = exported.turns.last_mut()?;
        match turn.events.last() {
            None => drop(exported.turns.pop()),
            Some(Event::Parked { .. }) => return None,
            // What is left of a budget stands in no journal: without its account the code
            // would be let through.
            Some(Event::SpendRefused { .. }) => return None,
            // Not the code's doing.
            Some(Event::WorkflowFailed { exit: Exit::Killed(_) }) => return None,
            Some(event) if event.is_input() => break,
            Some(_) => tail.extend(turn.events.pop()),
        }
    }
    tail.reverse();
    Some(tail)
}

fn differs(tail: &[Event], again: &[Event]) -> Option<String> {
    let parked = again.iter().find_map(|event| match event {
        Event::Parked { failure } => Some(format!("it is parked: {failure}")),
        _ => None,
    });
    let differing = tail.iter().enumerate().find_map(|(place, recorded)| {
        let asked = again.get(place);
        let same = asked.is_some_and(|asked| asked == recorded || timer(recorded, asked));
        let words = || {
            let asked = asked.map_or_else(|| "nothing".to_owned(), Divergence::describe);
            format!("it asks for {asked} where its journal has {}", Divergence::describe(recorded))
        };
        (!same).then(words)
    });
    parked.or(differing)
}

/// Timers of commands that a full turn has put off may be set at another time.
fn timer(recorded: &Event, asked: &Event) -> bool {
    matches!((recorded, asked), (Event::TimerStarted { op: a, .. }, Event::TimerStarted { op: b, .. }) if a == b)
}

fn settle(boot: &Boot, machine: &Machine, visits: bool) {
    for _ in 0..ACTIONS_MAX {
        let polled = machine.poll_one(|_| 0).is_some();
        let visited = visits && boot.engine.visit_one(|_| 0);
        let committed = matches!(boot.engine.commit_up_to(usize::MAX), Ok(1..));
        if !polled && !visited && !committed {
            return;
        }
    }
}
