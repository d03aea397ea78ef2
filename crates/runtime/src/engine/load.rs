//! Bringing a process back into memory: its last segment, replayed.

use super::cell::{Cell, Facts, Fresh, Live};
use super::replay::{Past, replay};
use super::state::Engine;
use crate::code::NewActivation;
use greenroom_journal::{Error, Loaded, Scope};
use greenroom_model::{
    Event, Failure, Ledger, MessageNo, ProcessId, ProcessNo, Seq, Status, failure, history_in_force,
};
use std::collections::{HashMap, VecDeque};

/// Why a process cannot be brought back now.
pub(super) enum NotLoaded {
    /// There is no such process.
    Gone,
    /// The store did not answer; try again.
    Store(Error),
    /// Its journal cannot be read.
    Corrupt(String),
}

impl Engine {
    /// Reads and replays a process.
    pub(super) fn load(&self, cell: &Cell) -> Result<Box<Live>, NotLoaded> {
        let loaded = match self.journal.load(cell.no, Scope::Segment) {
            Ok(Some(loaded)) => loaded,
            Ok(None) => return Err(NotLoaded::Gone),
            Err(error) if error.is_transient() => return Err(NotLoaded::Store(error)),
            Err(error) => return Err(NotLoaded::Corrupt(error.to_string())),
        };
        let Loaded { row, turns, mailbox } = loaded;
        let history = in_force(turns);
        let ledger = Ledger::of(history.iter().map(|(seq, _, event)| (*seq, event)));
        let facts = Facts { id: row.id, shard: row.shard, root: row.root, hops: row.hops };
        let mut live = Box::new(Live {
            no: cell.no,
            facts,
            kind: row.kind,
            seq: row.seq,
            sum: row.sum,
            segment: row.segment,
            status: row.status,
            at: row.changed_at,
            ledger,
            activation: None,
            mail: VecDeque::new(),
            mail_seen: MessageNo(0),
            unread: false,
            no_code: false,
            control: 0,
            done: VecDeque::new(),
            running: HashMap::new(),
            found: VecDeque::new(),
            surplus: VecDeque::new(),
            flight: None,
        });
        for message in mailbox {
            live.add_mail(message);
        }
        if live.ledger.ended.is_none() && !live.ledger.parked {
            self.activate(&mut live, &history)?;
        }
        Ok(live)
    }

    fn activate(&self, live: &mut Live, history: &[Past]) -> Result<(), NotLoaded> {
        let Some((_, at, Some(segment))) =
            history.first().map(|(seq, at, event)| (seq, at, event.segment()))
        else {
            let what = format!("the journal of {} has no beginning", live.facts.id);
            return Err(NotLoaded::Corrupt(what));
        };
        let kind = segment.kind.clone();
        let new = NewActivation {
            id: live.facts.id.clone(),
            earlier: names(history),
            segment: segment.clone(),
            at: *at,
            newest: self.newest.clone(),
            ephemeral: self.run_ephemeral.clone(),
        };
        let Some(mut activation) = self.registry.activate(new) else {
            live.no_code = true;
            self.trouble(live.no, format!("this node has no code for {kind} of {}", live.facts.id));
            return Ok(());
        };
        match replay(&mut *activation, history) {
            Ok(surplus) => {
                live.surplus = surplus.into();
                live.activation = Some(activation);
                live.found = steps_left(&live.ledger).into();
            }
            Err(divergence) => {
                let failure = Failure::fatal(failure::NONDETERMINISM, divergence.to_string());
                live.found.push_back(Event::Parked { failure });
            }
        }
        Ok(())
    }

    /// A process this node has just started, without reading it back.
    pub(super) fn begin(&self, no: ProcessNo, fresh: Fresh) -> Result<Box<Live>, NotLoaded> {
        let Fresh { facts, at, sum, event } = fresh;
        let history = [(Seq(1), at, event)];
        let kind = match history[0].2.segment() {
            Some(segment) => segment.kind.clone(),
            None => return Err(NotLoaded::Gone),
        };
        let mut live = Box::new(Live {
            no,
            facts,
            kind,
            seq: Seq(1),
            sum,
            segment: Seq(1),
            status: Status::Running,
            at,
            ledger: Ledger::default(),
            activation: None,
            mail: VecDeque::new(),
            mail_seen: MessageNo(0),
            unread: false,
            no_code: false,
            control: 0,
            done: VecDeque::new(),
            running: HashMap::new(),
            found: VecDeque::new(),
            surplus: VecDeque::new(),
            flight: None,
        });
        self.activate(&mut live, &history)?;
        Ok(live)
    }
}

/// The names a history ran under before each fork in it.
pub(crate) fn names(history: &[Past]) -> Vec<ProcessId> {
    let forks = history.iter().filter_map(|(_, _, event)| match event {
        Event::Forked { from, .. } => Some(from.clone()),
        _ => None,
    });
    forks.collect()
}

/// A segment's events that still count.
pub(crate) fn in_force(turns: Vec<greenroom_journal::TurnRow>) -> Vec<Past> {
    let mut events = Vec::new();
    for turn in turns {
        let (mut seq, at) = (turn.seq, turn.at);
        for event in turn.events {
            events.push((seq, at, event));
            seq = seq.plus(1);
        }
    }
    history_in_force(events, |(seq, _, event)| (*seq, event))
}

/// What must be said of the steps a process had open when it was last in
/// memory: those it had begun have an unknown outcome; those taken over from
/// before a restart or a fork begin now.
fn steps_left(ledger: &Ledger) -> Vec<Event> {
    ledger
        .steps
        .iter()
        .filter(|(_, step)| step.retry_at.is_none())
        .map(|(op, step)| {
            let (op, attempt) = (*op, step.attempts + 1);
            if step.begun {
                Event::StepUnknown { op, attempt }
            } else {
                Event::StepRetried { op, attempt }
            }
        })
        .collect()
}
