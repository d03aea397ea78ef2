//! Bringing a process back into memory: its last segment, replayed.

use super::cell::{Cell, Facts, Fresh, Live, weight};
use super::desk::Desk;
use super::line::InLine;
use super::mailbox::Mailbox;
use super::replay::{Past, replay};
use super::state::Engine;
use crate::code::{Activation, NewActivation};
use greenroom_journal::{Error, Loaded, Scope};
use greenroom_model::{
    Content, Event, Failure, Ledger, Op, OpenStep, ProcessId, Retry, RetryDecision, Seq, Status,
    failure, history_in_force,
};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Why a process cannot be brought back now.
pub(super) enum NotLoaded {
    /// There is no such process.
    Gone,
    /// The store did not answer; try again.
    Store(Error),
    /// Its journal cannot be read.
    Corrupt(String),
}

fn not_read(error: Error) -> NotLoaded {
    match error.is_transient() {
        true => NotLoaded::Store(error),
        false => NotLoaded::Corrupt(super::damage::what(&error)),
    }
}

impl Engine {
    /// Reads and replays a process.
    pub(super) fn load(self: &Arc<Self>, cell: &Cell, desk: &Desk) -> Result<Box<Live>, NotLoaded> {
        self.deadlocks.is_back(cell.no);
        let loaded = match self.journal.load(cell.no, Scope::Segment) {
            Ok(Some(loaded)) => loaded,
            Ok(None) => return Err(NotLoaded::Gone),
            Err(error) => return Err(not_read(error)),
        };
        let Loaded { row, turns, mailbox } = loaded;
        let mut history = in_force(turns);
        let history_bytes = history.iter_mut().map(|(_, _, event)| weight(event)).sum();
        let ledger = Ledger::of(history.iter().map(|(seq, _, event)| (*seq, event)));
        let facts = Facts { id: row.id, shard: row.shard, root: row.root, hops: row.hops };
        for send in ledger.blocked.values() {
            self.presume_full(&send.to).map_err(not_read)?;
        }
        let door = self.door(cell, &facts.id, &row.kind);
        // What it did last may be known to the store only.
        let in_line = self.accounts.has_in_line(cell.no);
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
            mail: Mailbox::default(),
            door,
            unread: false,
            no_code: false,
            waits: false,
            done: VecDeque::new(),
            intended: Vec::new(),
            line: InLine::default(),
            in_line,
            history_bytes,
            running: HashMap::new(),
            found: VecDeque::new(),
            overdue: None,
            surplus: VecDeque::new(),
            in_hand: None,
            holds: VecDeque::new(),
            emitted: Vec::new(),
            flight: None,
        });
        for message in mailbox {
            live.mail.add(message);
        }
        // Code that would not yield is not even begun: it is to be killed.
        let kills = |content: &Content| matches!(content, Content::Kill { .. });
        let killed = live.mail.find_control(kills).is_some();
        if live.ledger.ended.is_none() && !live.ledger.parked && !killed {
            self.activate(&mut live, &history, desk)?;
        }
        Ok(live)
    }

    fn activate(&self, live: &mut Live, history: &[Past], desk: &Desk) -> Result<(), NotLoaded> {
        let Some((_, at, Some(segment))) =
            history.first().map(|(seq, at, event)| (seq, at, event.segment()))
        else {
            let what = format!("the journal of {} has no beginning", live.facts.id);
            return Err(NotLoaded::Corrupt(what));
        };
        let kind = segment.kind.clone();
        let begun = live.seq > Seq(1) || live.status != Status::Running;
        if self.lines.has_to_wait(&kind.name, live.no, begun, *at) {
            live.waits = true;
            return Ok(());
        }
        let new = NewActivation {
            id: live.facts.id.clone(),
            no: live.no,
            used_up: live.ledger.used_up.clone(),
            earlier: names(history),
            segment: segment.clone(),
            at: *at,
            newest: self.newest.clone(),
            has_room: self.has_room.clone(),
            accounts: self.accounts.clone(),
            ephemeral: self.run_ephemeral.clone(),
        };
        let Some(mut activation) = self.registry.activate(new) else {
            live.no_code = true;
            self.trouble(live.no, format!("this node has no code for {kind} of {}", live.facts.id));
            return Ok(());
        };
        let (no, mut overdue) = (live.no, false);
        let (mut emitted, mut in_hand, mut holds) = (Vec::new(), None, Vec::new());
        let replayed = replay(
            |at, input, expected, more| {
                let apply = || activation.apply(at, input, expected, more);
                let (mut applied, late) = desk.inside(no, apply);
                holds.append(&mut applied.holds);
                overdue |= late;
                emitted.clone_from(&applied.emitted);
                if input.wakes_code() {
                    in_hand.clone_from(&applied.in_hand);
                }
                applied
            },
            history,
        );
        live.in_hand = in_hand;
        live.holds = holds.into();
        match replayed {
            Ok(_) if overdue => live.overdue = Some(self.turn_timeout()),
            Ok(surplus) => {
                live.surplus = surplus.into();
                // Its very first run is none that was told of before.
                if history.len() == 1 && live.status == Status::Running {
                    live.emitted = emitted;
                }
                live.found = self.steps_left(&live.ledger, &*activation).into();
                live.activation = Some(activation);
                live.line_up_all();
            }
            Err(divergence) => {
                let failure = Failure::fatal(failure::NONDETERMINISM, divergence.to_string());
                live.found.push_back(Event::Parked { failure });
            }
        }
        Ok(())
    }

    /// A process this node has just started, without reading it back.
    pub(super) fn begin(
        &self,
        cell: &Cell,
        fresh: Fresh,
        desk: &Desk,
    ) -> Result<Box<Live>, NotLoaded> {
        let Fresh { facts, at, sum, event } = fresh;
        let mut history = [(Seq(1), at, event)];
        let history_bytes = weight(&mut history[0].2);
        let kind = match history[0].2.segment() {
            Some(segment) => segment.kind.clone(),
            None => return Err(NotLoaded::Gone),
        };
        let door = self.door(cell, &facts.id, &kind);
        let no = cell.no;
        let mut live = Box::new(Live {
            no,
            facts,
            kind,
            seq: Seq(1),
            sum,
            segment: Seq(1),
            status: Status::Running,
            at,
            ledger: Ledger::of(history.iter().map(|(seq, _, event)| (*seq, event))),
            activation: None,
            mail: Mailbox::default(),
            door,
            unread: false,
            no_code: false,
            waits: false,
            done: VecDeque::new(),
            intended: Vec::new(),
            line: InLine::default(),
            in_line: false,
            history_bytes,
            running: HashMap::new(),
            found: VecDeque::new(),
            overdue: None,
            surplus: VecDeque::new(),
            in_hand: None,
            holds: VecDeque::new(),
            emitted: Vec::new(),
            flight: None,
        });
        self.activate(&mut live, &history, desk)?;
        Ok(live)
    }

    /// What a process ends with whose code has run for too long.
    pub(super) fn turn_timeout(&self) -> Failure {
        let words = format!(
            "its code ran for more than {:?} without an await; long work belongs into a step",
            self.options.turn_time_max
        );
        Failure::fatal(failure::TURN_TIMEOUT, words)
    }

    /// What must be said of the steps a process had open when it was last in
    /// memory: those it had begun have an unknown outcome; those taken over
    /// from before a restart or a fork begin now.
    fn steps_left(&self, ledger: &Ledger, code: &dyn Activation) -> Vec<Event> {
        let open = ledger.steps.iter().filter(|(_, step)| step.retry_at.is_none());
        let said = open.flat_map(|(op, step)| {
            let (op, attempt) = (*op, step.attempts + 1);
            if step.is_queued() {
                // It waits where it stood: nothing has become of it.
                return Vec::new();
            }
            if !step.begun {
                return vec![Event::StepRetried { op, attempt }];
            }
            let mut events = vec![Event::StepUnknown { op, attempt }];
            if let (false, Some(how)) = (step.at_most_once, code.step(op)) {
                events.extend(self.after_crash(op, step, &how.retry));
            }
            events
        });
        said.collect()
    }

    /// What follows an attempt that ended with the node: without this a step
    /// that takes the node down would do so at every start. `None`: it is
    /// attempted again at once.
    fn after_crash(&self, op: Op, step: &OpenStep, retry: &Retry) -> Option<Event> {
        let (attempt, crashes) = (step.attempts + 1, step.crashes + 1);
        match retry.decide_unknown(attempt, crashes, self.chance()) {
            RetryDecision::After(Duration::ZERO) => None,
            RetryDecision::After(wait) => {
                let words = format!("attempt {attempt} ended with a crash of the node");
                let failure = Failure::new(failure::UNKNOWN, words);
                let retry_at = self.env.now().after(wait);
                Some(Event::StepRetrying { op, attempt, failure, retry_at })
            }
            RetryDecision::GiveUp => {
                let words = format!(
                    "step `{}` is not attempted again: {crashes} of its {attempt} attempts ended \
                     with a crash of the node; whether they took effect is unknown",
                    step.name
                );
                let failure = Failure::fatal(failure::UNKNOWN, words);
                Some(Event::StepFailed { op, attempt, failure })
            }
        }
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
    let mut events = Vec::with_capacity(turns.iter().map(|turn| turn.events.len()).sum());
    for turn in turns {
        let (mut seq, at) = (turn.seq, turn.at);
        for event in turn.events {
            events.push((seq, at, event));
            seq = seq.plus(1);
        }
    }
    history_in_force(events, |(seq, _, event)| (*seq, event))
}
