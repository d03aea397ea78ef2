//! Looking at a process: what has come for it goes in, a turn comes out.

use super::cell::{Body, Cell, Flight, Live};
use super::desk::{Desk, Job};
use super::hub::News;
use super::load::NotLoaded;
use super::pending::{Large, Pending, Rest, Source, bytes};
use super::state::Engine;
use super::take::Next;
use super::turn::Turn;
use crate::code::NewActivation;
use greenroom_journal::{Commit, Outcome, Refusal, TurnRow};
use greenroom_model::queue::Queued;
use greenroom_model::{Event, Failure, Message, Seq, Status};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, TryLockError};
use std::time::Duration;

/// How long to leave a process alone whose journal the store cannot read now.
const LOAD_AGAIN_AFTER: Duration = Duration::from_millis(500);

impl Engine {
    /// Visits a process. If another worker is at it, and may be for long, this
    /// one does not wait: the other lines the process up again.
    pub(crate) fn visit(self: &Arc<Self>, cell: &Arc<Cell>, desk: &Desk) {
        // Said before trying, so that who holds it sees it when letting go.
        cell.again.store(true, Ordering::SeqCst);
        let visit = match cell.visit.try_lock() {
            Ok(visit) => visit,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        cell.again.store(false, Ordering::SeqCst);
        self.look_in(cell, desk);
        drop(visit);
        if cell.again.swap(false, Ordering::SeqCst) {
            cell.queued.store(true, Ordering::Release);
            self.ready.push(Job::Visit(cell.clone()));
        }
    }

    /// Takes in what has come for a process, runs its code, and hands the turn
    /// to the committer.
    fn look_in(self: &Arc<Self>, cell: &Arc<Cell>, desk: &Desk) {
        let mut body = cell.body();
        // From here on, whoever puts something in must queue the cell again.
        cell.queued.store(false, Ordering::Release);
        let mut inbox = cell.inbox().take();
        if let Some(ack) = inbox.ack {
            self.acknowledged(cell, &mut body, ack, desk);
        }
        if let Some(fault) = inbox.fault {
            return self.not_stored(cell, body, fault);
        }
        let loads = matches!(*body, Body::Cold);
        if loads {
            let called = inbox.wake || inbox.reread || inbox.let_in;
            let reason = called || !inbox.mail.is_empty() || inbox.fresh.is_some();
            if !reason {
                self.cells.remove(cell);
                return;
            }
            let loaded = match inbox.fresh.take() {
                Some(fresh) => self.begin(cell, *fresh, desk),
                None => {
                    // Loading reads what has come, unless it is consumed: then
                    // it must not come a second time.
                    inbox.mail.clear();
                    self.load(cell, desk)
                }
            };
            match loaded {
                Ok(mut live) => {
                    self.no_damage(cell.no);
                    if let Some(failure) = inbox.parks {
                        live.park(failure);
                    }
                    // Beginning afresh reads nothing; loading has read all.
                    live.unread = inbox.reread && live.seq == Seq(1);
                    live.stands_as_before(self.lines.kept(cell.no));
                    if !live.no_code {
                        self.no_trouble(cell.no);
                    }
                    self.note_end(&live);
                    *body = Body::Live(live);
                }
                Err(why) => return self.not_loaded(cell, why),
            }
        }
        let Body::Live(live) = &mut *body else { return };
        if self.may_begin_now(live) {
            // What has come for it is read with it.
            return self.load_anew(cell, &mut body);
        }
        live.unread |= inbox.reread && !loads;
        match live.unread.then(|| self.reread(cell, live)) {
            // What has come is in the store as well, after what is not known
            // yet, so it waits there.
            Some(Err(error)) if error.is_transient() => self.reread_later(cell, &error),
            Some(Err(error)) => self.trouble(cell.no, error.to_string()),
            Some(Ok(())) | None => {
                live.unread = false;
                self.take_in(cell, live, inbox.mail);
            }
        }
        live.done.extend(inbox.done);
        live.line.changed |= inbox.let_in;
        if live.flight.is_none() {
            self.proceed(cell, live, desk);
        }
        self.settle(cell, body);
    }

    /// Runs turns until one needs a commit or there is nothing to do.
    fn proceed(self: &Arc<Self>, cell: &Arc<Cell>, live: &mut Live, desk: &Desk) {
        let turn = self.take_turn(cell, live, desk);
        // Code that only waits records nothing, but its row must say so: a node
        // that starts brings back what is said to run.
        if turn.is_empty() && (live.no_code || live.waits || live.ledger.status() == live.status) {
            return;
        }
        let pending = self.close_turn(cell, live, turn);
        self.commits.push_own(pending);
    }

    fn take_turn(self: &Arc<Self>, cell: &Cell, live: &mut Live, desk: &Desk) -> Turn {
        let mut turn = Turn::new(live, self.env.now(), self.options.hops_max);
        self.commands(live, &mut turn, desk);
        self.make_room_in(live, &mut turn);
        while !turn.is_full() && !turn.reload && live.surplus.is_empty() {
            match self.next(live, &mut turn) {
                None => break,
                Some(Next::Nothing) => {}
                Some(Next::Restart(message)) => {
                    if !self.restarted(cell, live, &mut turn, message) {
                        break;
                    }
                }
                Some(Next::End(exit)) => {
                    self.command(live, &mut turn, Event::WorkflowFailed { exit });
                }
                Some(Next::Kill(event, exit)) => {
                    turn.record(live, &*self.env, event);
                    self.command(live, &mut turn, Event::WorkflowFailed { exit });
                }
                Some(Next::Input(event)) => {
                    self.input(live, &mut turn, event, desk);
                    self.commands(live, &mut turn, desk);
                }
            }
        }
        turn
    }

    /// `false`: not yet. What the turn holds is committed first, and a store
    /// that does not answer is asked again.
    fn restarted(
        self: &Arc<Self>,
        cell: &Cell,
        live: &mut Live,
        turn: &mut Turn,
        message: Message,
    ) -> bool {
        let done = match turn.events.is_empty() {
            true => self.restart(cell, live, turn, &message),
            false => Ok(false),
        };
        if !matches!(done, Ok(true)) {
            turn.consumed.retain(|no| *no != message.no);
            live.mail.put_back(message);
        }
        if let Err(error) = &done {
            self.reread_later(cell, error);
        }
        matches!(done, Ok(true))
    }

    fn input(&self, live: &mut Live, turn: &mut Turn, event: Event, desk: &Desk) {
        let wakes = event.wakes_code();
        // A parked process is read anew when it is resumed.
        turn.reload |= live.ledger.parked && matches!(event, Event::Resumed { .. });
        let parks = matches!(event, Event::Parked { .. });
        self.note_given_up(live, &event);
        turn.record(live, &*self.env, event.clone());
        if parks {
            live.activation = None;
        }
        if wakes {
            self.run(live, turn, &event, desk);
        }
    }

    /// Gives an input to the code; what it asks for becomes surplus.
    fn run(&self, live: &mut Live, turn: &Turn, event: &Event, desk: &Desk) {
        let Some(activation) = &mut live.activation else {
            return;
        };
        let apply = || activation.apply(turn.at, event, &[], false);
        let (applied, overdue) = desk.inside(live.no, apply);
        live.in_hand = applied.in_hand;
        if overdue && !applied.commands.last().is_some_and(Event::is_end) {
            // Nothing of what it asked for happens.
            live.overdue = Some(self.turn_timeout());
            return;
        }
        live.surplus.extend(applied.commands);
        live.holds.extend(applied.holds);
        live.emitted.extend(applied.emitted);
    }

    /// Records the commands the code has issued, as far as the turn has room.
    fn commands(&self, live: &mut Live, turn: &mut Turn, desk: &Desk) {
        while !turn.is_full() {
            let Some(event) = live.surplus.pop_front() else {
                return;
            };
            let begins = event.segment().is_some();
            self.command(live, turn, event.clone());
            if begins {
                self.next_segment(live, turn, &event);
                self.run(live, turn, &event, desk);
            }
        }
    }

    fn command(&self, live: &mut Live, turn: &mut Turn, mut event: Event) {
        let ends = event.is_end();
        self.note_given_up(live, &event);
        if let Event::StepStarted { queue: queue @ None, .. } = &mut event
            && let Some(of_kind) = self.lines.of_kind(&live.kind.name)
        {
            *queue = Some(Box::new(Queued { name: of_kind.to_string(), since: turn.at }));
        }
        turn.record(live, &*self.env, event);
        if ends {
            live.activation = None;
            live.surplus.clear();
            live.holds.clear();
            live.found.clear();
        }
    }

    fn next_segment(&self, live: &mut Live, turn: &Turn, event: &Event) {
        let Some(segment) = event.segment() else {
            return;
        };
        let new = NewActivation {
            id: live.facts.id.clone(),
            no: live.no,
            used_up: live.ledger.used_up.clone(),
            earlier: Vec::new(),
            segment: segment.clone(),
            at: turn.at,
            newest: self.newest.clone(),
            has_room: self.has_room.clone(),
            accounts: self.accounts.clone(),
            ephemeral: self.run_ephemeral.clone(),
        };
        live.activation = self.registry.activate(new);
    }

    /// Turns what was recorded into a commit. The process's memory is already
    /// where the commit takes it; if the commit is refused, the memory goes.
    fn close_turn(&self, cell: &Arc<Cell>, live: &mut Live, turn: Turn) -> Pending {
        let Turn { at, first, events, spawns, fresh, .. } = turn;
        let facts = spawns.iter().map(super::effects::facts).collect();
        let wake_at = live.ledger.wake_at();
        let sum_before = live.sum;
        let expect_seq = live.seq;
        live.at = at;
        live.status = row_status(live, turn.reload);
        live.seq = expect_seq.plus(events.len());
        let mut commit = Commit {
            at,
            epoch: self.lease.epoch,
            turn: Some(greenroom_journal::Turn {
                process: cell.no,
                id: live.facts.id.clone(),
                shard: live.facts.shard,
                expect_seq,
                body: String::new(),
                count: events.len(),
                sum: sum_before,
                status: live.status,
                wake_at,
                segment: live.segment,
                kind: turn.kind,
                exit: turn.exit.or_else(|| live.ledger.down.clone()),
                consumed: turn.consumed,
                watches: turn.watches,
                asks: turn.asks,
                unset: turn.unset,
                state: turn.state,
                given_up: turn.given_up,
                to_children: turn.to_children,
                unwatched: turn.unwatched,
                unlinks: turn.unlinks,
                links: turn.links,
                leaves: turn.leaves,
                roots: turn.roots,
            }),
            hub: turn.hub,
            accounts: turn.accounts,
            sends: turn.sends,
            spawns,
            letters: Vec::new(),
            letter_rules: self.letter_rules(at),
            request: None,
        };
        let large = match self.encode(&mut commit, &events, &fresh, sum_before) {
            true => None,
            false => Some(Large { events: events.clone(), sum_before, seq: first, at }),
        };
        let emitted = std::mem::take(&mut live.emitted);
        live.flight = Some(Flight { first, at, events, emitted, reload: turn.reload });
        let wake_changed = turn.wake_before != wake_at;
        let source = Source::Turn(cell.clone());
        let holds = turn.holds;
        let mut rest = Rest { source, fresh, facts, holds, large, wake_changed, bytes: 0 };
        // The committer tries again what the blob store did not take.
        if self.move_large(&mut commit, &mut rest).is_ok() {
            rest.large = None;
        }
        if let (None, Some(turn)) = (&rest.large, &commit.turn) {
            live.sum = turn.sum;
        }
        rest.bytes = bytes(&commit);
        Pending { commit, rest }
    }

    /// The store's answer to the turn under way.
    fn acknowledged(
        self: &Arc<Self>,
        cell: &Arc<Cell>,
        body: &mut Body,
        ack: Outcome,
        desk: &Desk,
    ) {
        let Body::Live(live) = body else { return };
        let Some(flight) = live.flight.take() else {
            return;
        };
        match ack {
            Ok(_) => {
                self.publish(cell, &flight);
                self.note_end(live);
                if flight.reload {
                    self.load_anew(cell, body);
                } else {
                    self.launch(cell, live, desk);
                }
            }
            Err(Refusal::Fenced { shard }) => {
                self.stop(&format!("the lease of shard {shard} has passed to another node"));
            }
            Err(Refusal::Stale { .. } | Refusal::Repeated { .. } | Refusal::NoLetter { .. }) => {
                // The store knows better: an answer of its was lost.
                self.tell_of_loss(cell);
                self.load_anew(cell, body);
            }
        }
    }

    /// The turn under way can never be stored. What it took in is in the store
    /// still: the process is read again, and parked there, for a person or a
    /// deploy to help.
    fn not_stored(
        self: &Arc<Self>,
        cell: &Arc<Cell>,
        mut body: MutexGuard<'_, Body>,
        fault: Failure,
    ) {
        let Body::Live(live) = &mut *body else { return };
        let parking = |flight: &Flight| {
            flight.events.iter().all(|event| matches!(event, Event::Parked { .. }))
        };
        if live.flight.take().is_some_and(|flight| parking(&flight)) {
            // Not even that can be stored: it stays as it is until it is loaded.
            live.stop_steps();
            live.activation = None;
            self.accounts.stands(cell.no, &BTreeMap::new());
            return self.trouble(cell.no, fault.to_string());
        }
        *body = Body::Cold;
        let mut inbox = cell.inbox();
        inbox.parks = Some(fault);
        inbox.wake = true;
        drop(inbox);
        self.enqueue(cell);
    }

    /// Drops its memory and has it read again.
    fn load_anew(&self, cell: &Arc<Cell>, body: &mut Body) {
        *body = Body::Cold;
        cell.inbox().wake = true;
        self.enqueue(cell);
    }

    /// It had to wait for others of its kind, and need not any more.
    fn may_begin_now(&self, live: &Live) -> bool {
        live.waits && live.flight.is_none() && !self.lines.waits_to_begin(live.no)
    }

    /// One that has ended for good makes room for another of its kind.
    fn note_end(&self, live: &Live) {
        if live.ledger.ended.is_some() && live.ledger.down.is_none() {
            self.lines.has_ended(live.no);
        }
    }

    fn publish(&self, cell: &Cell, flight: &Flight) {
        // Values first: who hears of the end listens no longer.
        flight.emitted.iter().for_each(|value| self.emit(cell.no, value.clone()));
        if !flight.events.is_empty() {
            self.hub.tell(cell.no, || {
                let events = flight.events.clone();
                News::Turn(Arc::new(TurnRow { seq: flight.first, at: flight.at, events }))
            });
        }
    }

    fn not_loaded(self: &Arc<Self>, cell: &Arc<Cell>, why: NotLoaded) {
        match why {
            NotLoaded::Gone => {}
            NotLoaded::Corrupt(what) => self.damage(cell.no, what),
            NotLoaded::Store(error) => self.reread_later(cell, &error),
        }
        drop(self.lines.kept(cell.no));
        self.accounts.stands(cell.no, &BTreeMap::new());
        self.cells.remove(cell);
    }

    /// The store cannot be read now: the process is looked at again soon.
    pub(super) fn reread_later(self: &Arc<Self>, cell: &Cell, error: &greenroom_journal::Error) {
        self.trouble(cell.no, error.to_string());
        let (engine, no) = (self.clone(), cell.no);
        let wait = self.env.sleep(LOAD_AGAIN_AFTER);
        self.env.spawn(Box::pin(async move {
            wait.await;
            engine.put(no, |inbox| inbox.reread = true);
        }));
    }
}

/// What the row says the process does: a node that starts must bring it back
/// as long as its code has more to say than the journal holds.
fn row_status(live: &Live, reload: bool) -> Status {
    use Status::{Asking, Joining, Receiving, Sleeping};
    match live.ledger.status() {
        Receiving | Sleeping | Asking | Joining
            if reload || live.overdue.is_some() || !live.surplus.is_empty() =>
        {
            Status::Running
        }
        status => status,
    }
}
