//! Taking a process back: to an earlier point of its segment, or to a
//! beginning. A person asks for it, or its supervisor.

use super::cell::{Cell, Live};
use super::effects;
use super::load::in_force;
use super::replay::Past;
use super::state::Engine;
use super::turn::Turn;
use greenroom_journal::{AskChange, Error, GivenUp, HubWork, Outgoing, Scope, TurnRow, Watch};
use greenroom_model::supervisor::RestartFrom;
use greenroom_model::{
    Content, Event, Failure, Kind, Ledger, Message, Op, Origin, Payload, Revival, Segment, Seq,
    Unfinished, failure, given_back, revival, state_after, unfinished,
};
use std::collections::{BTreeMap, BTreeSet};

/// Where a process goes on.
enum Place {
    /// After the event `keep`.
    After(Restart),
    /// At this beginning. The message whose handling was cut off comes again.
    Begin { segment: Box<Segment>, unfinished: Option<Unfinished> },
}

/// What was read of a process that is taken back.
struct Read {
    history: Vec<Past>,
    /// Every key of the queryable state that was ever set, also by what no
    /// longer counts.
    keys: BTreeSet<String>,
    first_op: Op,
    /// Its very first event, if that was asked for.
    origin: Option<Segment>,
}

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
        let revived = matches!(message.content, Content::Revive { .. });
        if revived && live.ledger.ended.is_none() {
            return Ok(true);
        }
        let fresh = matches!(message.content, Content::Revive { from: RestartFrom::Fresh, .. });
        let scope = if fresh { Scope::Whole } else { Scope::Segment };
        let turns = match self.journal.load(cell.no, scope) {
            Ok(Some(loaded)) => loaded.turns,
            Ok(None) => return Ok(true),
            Err(error) if error.is_transient() => return Err(error),
            Err(error) => {
                self.trouble(cell.no, format!("cannot be restarted: {error}"));
                return Ok(true);
            }
        };
        if let Content::Restart { asked_at: Some(asked_at), .. } = message.content
            && restarted_since(&turns, asked_at)
        {
            return Ok(true);
        }
        let read = read(turns, live.segment);
        if let Some(place) = self.place(live, &read, &message.content) {
            self.take_back(live, turn, &read, place, &message.from);
        }
        Ok(true)
    }

    /// `None`: there is nothing to take back.
    fn place(&self, live: &Live, read: &Read, content: &Content) -> Option<Place> {
        let (begin, _, first) = read.history.first()?;
        let segment = first.segment()?;
        let anew = |segment| {
            let revived = matches!(content, Content::Revive { .. });
            let events = || read.history.iter().map(|(seq, _, event)| (*seq, event.clone()));
            let cut_off = || unfinished(&events().collect::<Vec<_>>(), live.facts.hops);
            let unfinished = revived.then(cut_off).flatten();
            Place::Begin { segment: Box::new(segment), unfinished }
        };
        let again = || anew(self.again(segment, read.first_op));
        match content {
            // It has begun another segment since somebody asked.
            Content::Restart { keep: Some(keep), .. } if keep < begin => None,
            Content::Restart { keep: Some(keep), .. } => {
                let (keep, crashes) = (*keep, Vec::new());
                let restart = Restart { keep, crashes, poison: false, gives_back: false };
                Some(Place::After(restart))
            }
            Content::Restart { keep: None, .. } => Some(again()),
            // A supervisor begins anew: it would only decide the same once more.
            Content::Revive { from: RestartFrom::State, .. } if live.ledger.supervises => {
                Some(again())
            }
            Content::Revive { from: RestartFrom::State, .. } => {
                let events: Vec<(Seq, Event)> =
                    read.history.iter().map(|(seq, _, event)| (*seq, event.clone())).collect();
                let crashes_max = self.registry.options(&live.kind).crashes_max;
                Some(match revival(&events, crashes_max) {
                    Revival::On { keep, crashes, poison } => {
                        Place::After(Restart { keep, crashes, poison, gives_back: true })
                    }
                    Revival::Again => again(),
                })
            }
            Content::Revive { from: RestartFrom::Segment, .. } => Some(again()),
            Content::Revive { from: RestartFrom::Fresh, kind } => {
                let origin = read.origin.as_ref().unwrap_or(segment);
                let newest = || (self.newest)(&origin.kind.name).filter(|_| !origin.pinned);
                let kind = kind.clone().or_else(newest);
                let kind: Kind = kind.unwrap_or_else(|| origin.kind.clone());
                let state = BTreeMap::new();
                let fresh = self.again(origin, read.first_op);
                Some(anew(Segment { kind, state, ..fresh }))
            }
            _ => None,
        }
    }

    /// A segment's beginning, once more. New numbers for new operations: their
    /// keys must not be those of what was done before.
    fn again(&self, segment: &Segment, first_op: Op) -> Segment {
        Segment { first_op, seed: self.env.seed(), ..segment.clone() }
    }

    fn take_back(&self, live: &mut Live, turn: &mut Turn, read: &Read, place: Place, by: &Origin) {
        for (op, _) in std::mem::take(&mut live.ledger.asks) {
            turn.asks.push(AskChange::Close { op });
        }
        let held = !live.ledger.standing.places.is_empty();
        live.abort_all();
        live.done.clear();
        match place {
            Place::After(restart) => self.go_back(live, turn, read, restart, by),
            Place::Begin { segment, unfinished } => {
                let parks = unfinished.and_then(|one| self.give_back(live, turn, one));
                take_state_back(turn, &read.keys, &segment.state);
                turn.record(live, &*self.env, Event::WorkflowStarted(segment));
                if let Some(failure) = parks {
                    turn.record(live, &*self.env, Event::Parked { failure });
                }
            }
        }
        // It is found where it was at that point, as far as nobody else is.
        let places = live.ledger.standing.places.iter();
        if held || places.len() > 0 {
            turn.hub.push(HubWork::LeaveAll);
        }
        turn.hub.extend(places.map(|place| HubWork::Join { place: place.clone(), op: None }));
        begin_anew(live, turn);
    }

    /// The message that it was handling comes again, or goes to the dead letters
    /// if it has ended its process too often. Gives back why the process is to
    /// be parked, if its kind is ordered: a person decides.
    fn give_back(&self, live: &mut Live, turn: &mut Turn, cut: Unfinished) -> Option<Failure> {
        let Unfinished { back, crashes } = cut;
        // Who called is not told that there will be no answer.
        if let Content::User { reply_to: Some(caller), .. } = &back.content {
            live.ledger.owed.retain(|owed| owed != caller);
        }
        let options = self.registry.options(&live.kind);
        let poison = crashes.len() >= options.crashes_max.max(1) as usize;
        let back = effects::to_itself(&live.facts, back);
        match poison && !options.ordered {
            true => give_up(live, turn, back, &crashes),
            false => turn.sends.push(back),
        }
        (poison && options.ordered).then(|| poisoned(crashes.len()))
    }

    fn go_back(
        &self,
        live: &mut Live,
        turn: &mut Turn,
        read: &Read,
        restart: Restart,
        by: &Origin,
    ) {
        let Restart { keep, crashes, poison, gives_back } = restart;
        let events: Vec<(Seq, Event)> =
            read.history.iter().map(|(seq, _, event)| (*seq, event.clone())).collect();
        let mut back = if gives_back { given_back(&events, keep) } else { Vec::new() };
        let ordered = self.registry.options(&live.kind).ordered;
        let next = events.iter().find(|(seq, _)| *seq > keep).map(|(seq, _)| *seq);
        // An ordered process does not go past the message: a person decides.
        let keep = if poison && ordered { next.unwrap_or(keep) } else { keep };
        let kept = events.iter().take_while(|(seq, _)| *seq <= keep);
        live.ledger = Ledger::of(kept.clone().map(|(seq, event)| (*seq, event)));
        take_state_back(turn, &read.keys, &state_after(kept.map(|(_, event)| event)));
        if poison && !back.is_empty() {
            let back = effects::to_itself(&live.facts, back.remove(0));
            if !ordered {
                give_up(live, turn, back, &crashes);
            }
        }
        let sends = back.into_iter();
        turn.sends.extend(sends.map(|back| effects::to_itself(&live.facts, back)));
        let poisoned = poisoned(crashes.len());
        let gone = poison && !ordered;
        // What comes next is another message: its steps must not get the keys of
        // those that were done for this one.
        let first_op = gone.then_some(read.first_op);
        let message_op = loses_message(&events, keep).then_some(read.first_op);
        let message_op = message_op.filter(|_| !gives_back && !gone);
        let by = by.clone();
        let settled = settled(&events, keep);
        let event =
            Event::Restarted { keep, by, crashes, poison: gone, first_op, message_op, settled };
        turn.record(live, &*self.env, event);
        if poison && ordered {
            turn.record(live, &*self.env, Event::Parked { failure: poisoned });
        }
    }
}

/// Why a process of an ordered kind does not go on.
fn poisoned(times: usize) -> Failure {
    let words = format!(
        "the last message has ended it {times} times, and its kind is ordered; `resume` tries it \
         again"
    );
    Failure::fatal(failure::POISON, words)
}

/// Reservations from before `keep` that were settled after it: what came back
/// does not come back twice.
fn settled(events: &[(Seq, Event)], keep: Seq) -> Vec<Op> {
    let after = events.iter().filter(|(seq, _)| *seq > keep);
    let mut ops = Vec::new();
    for (_, event) in after {
        match event {
            Event::BudgetSpent { settles: Some(settles), .. } => ops.push(settles.of),
            Event::Restarted { settled, .. } => ops.extend(settled),
            _ => {}
        }
    }
    ops
}

/// Whether a message that was taken after `keep` will not come again.
fn loses_message(events: &[(Seq, Event)], keep: Seq) -> bool {
    let asked = |op: &Op| {
        let opens =
            |event: &Event| matches!(event, Event::AskOpened { op: opened, .. } if opened == op);
        events.iter().any(|(_, event)| opens(event))
    };
    let after = events.iter().filter(|(seq, _)| *seq > keep);
    after
        .into_iter()
        .any(|(_, event)| matches!(event, Event::MessageReceived { op, .. } if !asked(op)))
}

/// A restart that goes on after an event.
struct Restart {
    keep: Seq,
    crashes: Vec<Failure>,
    poison: bool,
    /// What it had taken comes again. A person who takes a process back may want
    /// to get rid of just that; a supervisor must not lose it.
    gives_back: bool,
}

/// The message goes to the dead letters, and who called hears of it.
fn give_up(live: &Live, turn: &mut Turn, message: Outgoing, crashes: &[Failure]) {
    let Outgoing { from, content, root, hops, .. } = message;
    let last = crashes.last().map(ToString::to_string).unwrap_or_default();
    let reason = format!("it ended {} {} times, last: {last}", live.facts.id, crashes.len());
    if let Content::User { reply_to: Some(caller), .. } = &content {
        let reply = effects::call_fails(turn.sender(live), caller, failure::POISON, &reason);
        turn.sends.push(reply);
    }
    turn.given_up.push(GivenUp { from, content, root, hops, reason, crashes: crashes.to_vec() });
}

fn read(turns: Vec<TurnRow>, segment: Seq) -> Read {
    let events = || turns.iter().flat_map(|turn| &turn.events);
    let last = events().filter_map(Event::op).max().map_or(0, |op| op.0);
    let keys = keys_set(&turns);
    let origin = events().next().and_then(Event::segment).cloned();
    let first = events().find_map(Event::segment).map_or(0, |segment| segment.first_op.0);
    let history: Vec<Past> =
        in_force(turns).into_iter().filter(|(seq, _, _)| *seq >= segment).collect();
    Read { history, keys, first_op: Op((last + 1).max(first)), origin }
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
fn take_state_back(turn: &mut Turn, set: &BTreeSet<String>, then: &BTreeMap<String, Payload>) {
    for key in set {
        match then.get(key) {
            Some(value) => turn.state.push((key.clone(), value.clone())),
            None => turn.unset.push(key.clone()),
        }
    }
}
