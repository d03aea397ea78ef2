//! Taking a process back: to an earlier point of its segment, or to its
//! beginning.

use super::cell::{Cell, Live};
use super::load::in_force;
use super::state::Engine;
use super::turn::Turn;
use greenroom_journal::{AskChange, Error, Scope, TurnRow, Watch};
use greenroom_model::{Content, Event, Ledger, Message, Op, Payload, Segment, Seq, state_after};
use std::collections::{BTreeMap, BTreeSet};

impl Engine {
    /// Records the restart, or finds that there is nothing to take back; the
    /// process is loaded anew once it is durable.
    ///
    /// # Errors
    /// The store's, if trying again later may work.
    pub(super) fn restart(
        &self,
        cell: &Cell,
        live: &mut Live,
        turn: &mut Turn,
        message: &Message,
    ) -> Result<bool, Error> {
        let Content::Restart { keep, asked_at } = message.content else {
            return Ok(true);
        };
        let by = message.from.clone();
        let turns = match self.journal.load(cell.no, Scope::Segment) {
            Ok(Some(loaded)) => loaded.turns,
            Ok(None) => return Ok(true),
            Err(error) if error.is_transient() => return Err(error),
            Err(error) => {
                self.trouble(cell.no, format!("cannot be restarted: {error}"));
                return Ok(true);
            }
        };
        if asked_at.is_some_and(|asked_at| restarted_since(&turns, asked_at)) {
            return Ok(true);
        }
        let set = keys_set(&turns);
        let first_op = turns.iter().flat_map(|turn| &turn.events).filter_map(Event::op).max();
        let history = in_force(turns);
        let Some((begin, _, first)) = history.first() else {
            return Ok(true);
        };
        let Some(segment) = first.segment() else {
            return Ok(true);
        };
        // It has begun another segment since somebody asked.
        if keep.is_some_and(|keep| keep < *begin) {
            return Ok(true);
        }
        for (op, _) in std::mem::take(&mut live.ledger.asks) {
            turn.asks.push(AskChange::Close { op });
        }
        live.running.drain().for_each(|(_, task)| task.abort());
        live.done.clear();
        let event = match keep {
            Some(keep) => {
                let kept = || history.iter().take_while(|(seq, _, _)| *seq <= keep);
                live.ledger = Ledger::of(kept().map(|(seq, _, event)| (*seq, event)));
                take_state_back(turn, set, &state_after(kept().map(|(_, _, event)| event)));
                Event::Restarted { keep, by }
            }
            // New numbers for new operations: their keys must not be those of
            // what was done before.
            None => {
                take_state_back(turn, set, &segment.state);
                Event::WorkflowStarted(Segment {
                    first_op: Op(first_op.map_or(segment.first_op.0, |op| op.0 + 1)),
                    seed: self.env.seed(),
                    ..segment.clone()
                })
            }
        };
        turn.record(live, &*self.env, event);
        begin_anew(live, turn);
        Ok(true)
    }
}

/// The turn says again what an end of the process took away, and the memory
/// that went on from there is of no use.
fn begin_anew(live: &mut Live, turn: &mut Turn) {
    for (op, ask) in &live.ledger.asks {
        turn.asks.push(AskChange::Open { op: *op, spec: ask.spec.clone() });
    }
    for (op, target) in &live.ledger.watches {
        turn.watches.push(Watch { op: *op, target: target.clone() });
    }
    turn.exit = None;
    turn.reload = true;
    live.activation = None;
    live.surplus.clear();
    live.found.clear();
}

/// Whether the process has been restarted since it had `asked_at` events: of
/// two that were asked for in one place the first counts.
fn restarted_since(turns: &[TurnRow], asked_at: Seq) -> bool {
    let numbered = turns.iter().flat_map(|turn| {
        turn.events.iter().enumerate().map(|(place, event)| (turn.seq.plus(place), event))
    });
    let restarts =
        |event: &Event| matches!(event, Event::Restarted { .. } | Event::WorkflowStarted(_));
    numbered.into_iter().any(|(seq, event)| seq > asked_at && restarts(event))
}

/// Every key of the queryable state that was ever set in a segment, also by
/// what no longer counts.
fn keys_set(turns: &[TurnRow]) -> BTreeSet<String> {
    let events = turns.iter().flat_map(|turn| &turn.events);
    let keys = events.filter_map(|event| match event {
        Event::StateSet { key, .. } => Some(key.clone()),
        _ => None,
    });
    keys.collect()
}

/// Brings the keys that were set back to what they were.
fn take_state_back(turn: &mut Turn, set: BTreeSet<String>, then: &BTreeMap<String, Payload>) {
    for key in set {
        match then.get(&key) {
            Some(value) => turn.state.push((key, value.clone())),
            None => turn.unset.push(key),
        }
    }
}
