//! Forks: a new process that begins with a prefix of another's journal.

use super::handle::Node;
use crate::begun::{History, spawn_of};
use crate::engine::External;
use crate::{Error, Result};
use greenroom_journal::{Loaded, Outgoing, Receipt, Scope, TurnRow};
use greenroom_model::{
    Content, Event, Failure, Op, Origin, ProcessId, Seq, Status, failure, history_in_force,
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
        let row = self.found(id).await?;
        let loaded = self.loaded(&row, Scope::Whole).await?;
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
        let sends = calls.keys().map(|op| unanswered(&fork, *op, &spawn.root)).collect();
        let request = self.keyed(wish, fork.as_str());
        let external = External {
            sends,
            spawns: vec![spawn],
            fresh: vec![None],
            request,
            ..External::default()
        };
        let carried = self.request(external).await?;
        forked_as(&carried.receipt, carried.note(fork)?)
    }
}

fn forked_as(receipt: &Receipt, fork: ProcessId) -> Result<ProcessId> {
    match receipt.spawned.first() {
        Some(spawned) if spawned.created => Ok(fork),
        _ => Err(Error::Exists { id: fork }),
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
