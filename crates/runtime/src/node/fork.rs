//! Forks: a new process that begins with a prefix of another's journal.

use super::handle::Node;
use crate::engine::External;
use crate::{Error, Result};
use greenroom_journal::{
    AskChange, FirstTurn, Loaded, Outgoing, Receipt, Scope, Spawn, TurnRow, Watch, encode_events,
    externalise,
};
use greenroom_model::{
    Content, Event, Failure, Ledger, Op, Origin, ProcessId, Seq, Status, failure, history_in_force,
    state_after,
};

impl Node {
    /// Starts a new process of the same kind whose journal is a copy of the
    /// other's up to and including event `at` (all of it without). Steps that
    /// were done are not done again; what was open then is open in the fork:
    /// its steps are run by it under keys of its own, its timers and asks go
    /// on. The other process is not touched, and messages it had not taken are
    /// not copied.
    pub async fn fork(
        &self,
        id: &ProcessId,
        at: Option<Seq>,
        key: Option<&str>,
        by: &str,
    ) -> Result<ProcessId> {
        let wanted = [("at", at.map(|at| at.to_string())), ("key", key.map(str::to_owned))];
        let wish = self.wish("fork", &[id.as_str(), &format!("{wanted:?}")]);
        if let Some(done) = self.done(&wish).await? {
            return forked_as(&done.receipt, done.note.parse()?);
        }
        let row = self.process(id).await?;
        let loaded = self.read(move |journal| Ok(journal.load(row.no, Scope::Whole)?)).await?;
        let Some(Loaded { row, turns, .. }) = loaded else {
            return Err(Error::NoProcess { id: id.clone() });
        };
        let at = at.unwrap_or(row.seq);
        if at < Seq(1) || at > row.seq {
            let words = format!("{id} has no event {at}: its journal has 1 to {}", row.seq);
            return Err(Error::BadRequest(words));
        }
        let key = match key {
            Some(key) => key.to_owned(),
            None => format!("{}.fork-{:08x}", short(id.key()), self.env.seed() as u32),
        };
        let fork = ProcessId::new(id.kind(), &key)?;
        let mut turns = cut(turns, at);
        if ends(&turns) {
            let words = format!("{id} has ended at event {at}; fork it at an earlier one");
            return Err(Error::BadRequest(words));
        }
        let seed = self.env.seed();
        let forked =
            Event::Forked { from: id.clone(), at, seed, by: Origin::External(by.to_owned()) };
        turns.push(TurnRow { seq: at.plus(1), at: self.env.now(), events: vec![forked] });
        let History { mut spawn, calls } = self.read(spawn_of(fork.clone(), turns)).await?;
        // The cut may stand where the code runs on.
        if !matches!(spawn.status, Status::Paused | Status::Parked) {
            spawn.status = Status::Running;
        }
        let sends = calls.into_iter().map(|op| unanswered(&fork, op, &spawn.root)).collect();
        let request = self.keyed(wish, fork.as_str());
        let (spawns, fresh) = (vec![spawn], vec![None]);
        let external = External { sends, spawns, fresh, request, ..External::default() };
        let carried = self.request(external).await?;
        forked_as(&carried.receipt, carried.note(fork)?)
    }
}

fn forked_as(receipt: &Receipt, fork: ProcessId) -> Result<ProcessId> {
    match receipt.spawned.first() {
        Some(spawned) if spawned.created => Ok(fork),
        _ => Err(Error::BadRequest(format!("there is a process {fork} already"))),
    }
}

/// A call that the other process made: its reply will not come here.
fn unanswered(fork: &ProcessId, op: Op, root: &str) -> Outgoing {
    let words = "the call was made before the fork; its reply goes to the other process";
    let result = Err(Failure::fatal(failure::NO_PROCESS, words));
    Outgoing {
        to: fork.clone(),
        from: Origin::Runtime,
        content: Content::Reply { op, result },
        root: root.to_owned(),
        hops: 0,
    }
}

/// A process's history, ready to start one with it.
pub(super) struct History {
    pub spawn: Spawn,
    /// Calls without a reply.
    pub calls: Vec<Op>,
}

/// Room for the fork's own part of the key.
fn short(key: &str) -> &str {
    key.get(..key.len().min(180)).unwrap_or(key)
}

/// The turns up to and including the event at `at`.
fn cut(turns: Vec<TurnRow>, at: Seq) -> Vec<TurnRow> {
    turns
        .into_iter()
        .filter(|turn| turn.seq <= at)
        .map(|mut turn| {
            let count = usize::try_from(at.0 + 1 - turn.seq.0).unwrap_or(usize::MAX);
            turn.events.truncate(count);
            turn
        })
        .collect()
}

/// Whether a process has ended after these turns.
fn ends(turns: &[TurnRow]) -> bool {
    let numbered = turns.iter().flat_map(|turn| {
        turn.events.iter().enumerate().map(|(place, event)| (turn.seq.plus(place), event))
    });
    let in_force = history_in_force(numbered.collect(), |(seq, event)| (*seq, *event));
    in_force.last().is_some_and(|(_, event)| event.is_end())
}

/// The start of a process that has this history already.
pub(super) fn spawn_of(
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
        let calls = ledger.calls.keys().chain(ledger.lookups.keys()).copied().collect();
        let spawn = Spawn {
            id,
            kind: segment.kind.clone(),
            parent: None,
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
