//! The committer: takes what waits, commits it as one group, tells everybody.

use super::cell::{Facts, Fresh};
use super::desk::Job;
use super::pending::{Answer, Large, Pending, Rest, Source, encode_spawns};
use super::state::Engine;
use greenroom_journal::{
    Commit, Error, Outcome, Receipt, Refusal, encode_events, externalise, externalise_commit,
};
use greenroom_model::{Event, Failure, Seq, Sum, failure};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

impl Engine {
    /// Writes the texts of a commit's turn and spawns. `false`: it has large
    /// payloads, and nothing was written.
    pub(super) fn encode(
        &self,
        commit: &mut Commit,
        events: &[Event],
        fresh: &[Option<Event>],
        sum_before: Sum,
    ) -> bool {
        let Some(turn) = &mut commit.turn else {
            return true;
        };
        let Ok(body) = encode_events(events) else {
            return false;
        };
        if body.len() > greenroom_model::Payload::INLINE_MAX_BYTES || body.contains("\"$blob\"") {
            return false;
        }
        if !events.is_empty() {
            turn.sum = sum_before.then(Seq(turn.expect_seq.0 + 1), commit.at, &body);
        }
        turn.body = body;
        encode_spawns(commit, fresh).is_ok()
    }

    /// Commits what waits, at most a group of it. `Err` if the store did not
    /// take it: the turns are put back, to be tried again. The caller visits
    /// `own` of the processes itself.
    pub(crate) fn commit_some(
        self: &Arc<Self>,
        group: Vec<Pending>,
        own: usize,
    ) -> Result<(), Error> {
        self.busy.fetch_add(1, Ordering::AcqRel);
        let done = self.commit_group(group, own);
        self.busy.fetch_sub(1, Ordering::AcqRel);
        done
    }

    fn commit_group(self: &Arc<Self>, group: Vec<Pending>, own: usize) -> Result<(), Error> {
        let (mut commits, mut rests): (Vec<Commit>, Vec<Rest>) =
            group.into_iter().map(|pending| (pending.commit, pending.rest)).unzip();
        // What a lost answer was about comes before anything newer.
        let settled = self.settle_doubt();
        let tried = match settled {
            Ok(()) => self.try_commit(&mut commits, &mut rests),
            Err(error) => Err(unavailable(&error)),
        };
        match tried {
            Ok(outcomes) => {
                self.store_says(None);
                self.tell(commits, rests, outcomes, own);
                Ok(())
            }
            Err(error) if is_its_own_fault(&error) && !self.takes_nothing(&error) => {
                self.commit_one_by_one(commits, rests, error, own)
            }
            Err(error) => {
                self.begin_doubt();
                self.store_says(Some(error.to_string()));
                self.commits.put_back(turns_left(commits, rests, &error));
                Err(error)
            }
        }
    }

    /// Whether the damage that was met keeps the store from taking anything at
    /// all, even nothing: then no turn is to blame, and all of them wait.
    fn takes_nothing(&self, error: &Error) -> bool {
        matches!(error, Error::Corrupt { .. }) && self.journal.commit(&[]).is_err()
    }

    /// One commit of the group can never be taken: the others go on without it.
    fn commit_one_by_one(
        self: &Arc<Self>,
        commits: Vec<Commit>,
        rests: Vec<Rest>,
        error: Error,
        own: usize,
    ) -> Result<(), Error> {
        let mut group: Vec<Pending> =
            commits.into_iter().zip(rests).map(|(commit, rest)| Pending { commit, rest }).collect();
        if group.len() > 1 {
            let mut result = Ok(());
            for pending in group {
                result = self.commit_group(vec![pending], own).and(result);
            }
            return result;
        }
        if let Some(Pending { rest, .. }) = group.pop() {
            match rest.source {
                Source::Turn(cell) => {
                    let words = format!("its turn cannot be stored: {error}");
                    let fault = Failure::fatal(failure::NOT_STORED, words);
                    cell.inbox().fault = Some(fault);
                    self.enqueue(&cell);
                }
                Source::External(reply) => {
                    let _ = reply.send(Err(error.into()));
                }
            }
        }
        Ok(())
    }

    fn try_commit(
        &self,
        commits: &mut [Commit],
        rests: &mut [Rest],
    ) -> Result<Vec<Outcome>, Error> {
        for (commit, rest) in commits.iter_mut().zip(rests) {
            self.move_large(commit, rest)?;
        }
        self.journal.commit(commits)
    }

    /// Puts large payloads into the blob store and writes the texts. The worker
    /// that made the turn does it, so that nobody else's commit waits; here
    /// only what it could not do is tried again.
    pub(super) fn move_large(&self, commit: &mut Commit, rest: &mut Rest) -> Result<(), Error> {
        let journal = &*self.journal;
        let Some(Large { events, sum_before, seq, at }) = &mut rest.large else {
            return Ok(());
        };
        for event in events.iter_mut() {
            externalise(journal, event)?;
        }
        let body = encode_events(events)?;
        if let Some(turn) = &mut commit.turn {
            turn.sum = sum_before.then(*seq, *at, &body);
            turn.body = body;
        }
        for event in rest.fresh.iter_mut().flatten() {
            externalise(journal, event)?;
        }
        externalise_commit(journal, commit)?;
        encode_spawns(commit, &rest.fresh)
    }

    fn tell(
        self: &Arc<Self>,
        commits: Vec<Commit>,
        rests: Vec<Rest>,
        outcomes: Vec<Outcome>,
        own: usize,
    ) {
        let mut acknowledged = Vec::with_capacity(commits.len());
        for ((commit, mut rest), outcome) in commits.into_iter().zip(rests).zip(outcomes) {
            match &outcome {
                Ok(receipt) => {
                    let holds = std::mem::take(&mut rest.holds);
                    self.accounts.arrived(&receipt.accounts, holds);
                    self.hand_on(&commit, &rest, receipt);
                }
                Err(Refusal::Stale { .. }) => self.begin_doubt(),
                Err(
                    Refusal::Fenced { .. } | Refusal::Repeated { .. } | Refusal::NoLetter { .. },
                ) => {}
            }
            match rest.source {
                Source::Turn(cell) => {
                    if rest.large.is_some() && outcome.is_ok() {
                        self.note_sum(&cell, &commit);
                    }
                    cell.inbox().ack = Some(outcome);
                    if !cell.queued.swap(true, Ordering::AcqRel) {
                        acknowledged.push(Job::Visit(cell));
                    }
                }
                Source::External(reply) => {
                    // Nobody may be waiting any more.
                    let _ = reply.send(self.answer(outcome));
                }
            }
        }
        self.ready.push_all(acknowledged, own);
    }

    /// The sum of a turn with large payloads is known only now.
    fn note_sum(&self, cell: &super::cell::Cell, commit: &Commit) {
        if let (super::cell::Body::Live(live), Some(turn)) = (&mut *cell.body(), &commit.turn) {
            live.sum = turn.sum;
        }
    }

    fn answer(&self, outcome: Outcome) -> crate::Result<Answer> {
        match outcome {
            Ok(receipt) => Ok(Answer::Receipt(receipt)),
            Err(Refusal::Repeated { done, .. }) => Ok(Answer::Repeated(done)),
            Err(Refusal::NoLetter { no }) => Err(crate::Error::NoLetter { no }),
            Err(stale @ Refusal::Stale { .. }) => {
                Err(Error::Unavailable { why: stale.to_string() }.into())
            }
            Err(other) => {
                self.stop(&other.to_string());
                Err(crate::Error::Stopped { why: other.to_string() })
            }
        }
    }

    /// Messages, new processes and wake-ups, to where they belong.
    fn hand_on(self: &Arc<Self>, commit: &Commit, rest: &Rest, receipt: &Receipt) {
        for delivered in &receipt.delivered {
            // Large bodies are fetched by the worker that takes it in.
            let (to, message) = (delivered.to, delivered.message.clone());
            match (&commit.turn, commit.hub.is_empty()) {
                (Some(turn), false) => {
                    if let Some(full) = self.deliver_published(to, message) {
                        self.rooms.spill(&turn.id, &full);
                    }
                }
                _ => self.deliver(to, message),
            }
        }
        let spawns = commit.spawns.iter().zip(&rest.fresh).zip(&rest.facts);
        for (spawned, ((spawn, fresh), facts)) in receipt.spawned.iter().zip(spawns) {
            if !spawned.created || spawn.status.is_ended() {
                continue;
            }
            match (fresh, spawn.turns.first()) {
                (Some(event), Some(first)) if spawn_is_plain(event) => {
                    let sum = Sum::default().then(Seq(1), first.at, &first.body);
                    let fresh = begun(facts, first.at, sum, event);
                    self.put(spawned.no, |inbox| inbox.fresh = Some(Box::new(fresh)));
                }
                _ => self.wake(spawned.no),
            }
            if let Some(wake_at) = spawn.wake_at {
                self.timers.note(wake_at, spawned.no);
            }
        }
        if let (true, Some(turn)) = (rest.wake_changed, &commit.turn)
            && let Some(wake_at) = turn.wake_at
        {
            self.timers.note(wake_at, turn.process);
        }
    }

    fn store_says(&self, error: Option<String>) {
        let mut said = self.store_error.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = said.is_some() != error.is_some();
        *said = error;
        drop(said);
        if changed {
            self.unwell();
        }
    }
}

/// Whether an error is about what was to be stored, rather than the store.
fn is_its_own_fault(error: &Error) -> bool {
    matches!(error, Error::Model(_) | Error::Blob { .. } | Error::Corrupt { .. })
}

/// That it did not work this time, in words that say so once.
fn unavailable(error: &Error) -> Error {
    match error {
        Error::Unavailable { why } => Error::Unavailable { why: why.clone() },
        error => Error::Unavailable { why: error.to_string() },
    }
}

/// The turns of a group that failed, to be tried again. Who asked from outside
/// is told, and decides whether to ask again.
fn turns_left(commits: Vec<Commit>, rests: Vec<Rest>, error: &Error) -> Vec<Pending> {
    let mut turns = Vec::with_capacity(commits.len());
    for (commit, rest) in commits.into_iter().zip(rests) {
        match rest.source {
            Source::Turn(_) => turns.push(Pending { commit, rest }),
            Source::External(reply) => {
                let _ = reply.send(Err(unavailable(error).into()));
            }
        }
    }
    turns
}

/// Whether a new process can begin from its event in memory: nothing of it has
/// gone to the blob store.
fn spawn_is_plain(event: &Event) -> bool {
    event.segment().is_some_and(|segment| segment.input.text().is_some())
}

fn begun(facts: &Facts, at: greenroom_model::Millis, sum: Sum, event: &Event) -> Fresh {
    Fresh { facts: facts.clone(), at, sum, event: event.clone() }
}
