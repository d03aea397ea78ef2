//! What a process has open, as a fold over its events: steps under way,
//! timers, asks, calls, monitors. The runtime recovers from it, the API
//! explains with it. Pure.

use crate::queue::Queued;
use crate::{
    AskSpec, Event, Exit, Millis, Need, Op, Origin, Place, ProcessId, ReplyTo, Segment, Seq,
    Standing, Status, Stop, Supervised,
};
use std::collections::{BTreeMap, BTreeSet};

/// The open operations of one process after some prefix of its journal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Steps started and not ended.
    pub steps: BTreeMap<Op, OpenStep>,
    /// Those of them that failed and are tried again, by when: nobody need look
    /// through all steps for the next.
    pub retries: BTreeSet<(Millis, Op)>,
    /// When each timer fires.
    pub timers: BTreeMap<Op, Millis>,
    /// Open asks.
    pub asks: BTreeMap<Op, OpenAsk>,
    /// Calls taken from the mailbox and not answered yet.
    pub owed: Vec<ReplyTo>,
    /// Sends that wait for room.
    pub blocked: BTreeMap<Op, BlockedSend>,
    /// What waits for a budget to pay for it.
    pub unpaid: BTreeMap<Op, Box<Need>>,
    /// Reservations that are not settled.
    pub reserved: BTreeSet<Op>,
    /// Reservations that were settled by what it did before a restart took that back,
    /// or that another's fork finds: nothing of them comes back.
    pub used_up: BTreeSet<Op>,
    /// Whose budget pays for what it does on its own account.
    pub account: Option<ProcessId>,
    /// Calls without a reply.
    pub calls: BTreeMap<Op, ProcessId>,
    /// Processes whose end will be heard of.
    pub watches: BTreeMap<Op, ProcessId>,
    /// What the store has been asked, and will answer; with the name that was
    /// asked for.
    pub lookups: BTreeMap<Op, Option<Place>>,
    /// What it is to others.
    pub standing: Standing,
    /// Effects are held back.
    pub paused: bool,
    /// The code cannot go on.
    pub parked: bool,
    /// The code was asked to stop and cleans up: it is not asked again.
    pub cancelled: bool,
    /// And its children with it.
    pub tree: bool,
    /// Its place under its supervisor.
    pub supervised: Option<Supervised>,
    /// It supervises others.
    pub supervises: bool,
    /// Its supervisor stops it.
    pub stop: Option<Stop>,
    /// How it has ended, while it is kept for a restart.
    pub down: Option<Exit>,
    /// The process has ended, with this status.
    pub ended: Option<Status>,
}

/// A step under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenStep {
    /// Its name.
    pub name: String,
    /// How many attempts have ended, in failure or unknown.
    pub attempts: u32,
    /// How many of them a crash of the node ended.
    pub crashes: u32,
    /// When the next attempt is due, if the last one failed.
    pub retry_at: Option<Millis>,
    /// It may not be repeated when its outcome is unknown.
    pub at_most_once: bool,
    /// This process (rather than the one it was forked from) has begun it, or
    /// may have: its outcome is unknown after a crash.
    pub begun: bool,
    /// It goes through a queue: there since when, for its next attempt.
    pub queue: Option<Box<Queued>>,
}

impl OpenStep {
    /// It stands in its queue: it has not begun, and waits for nothing else.
    pub fn is_queued(&self) -> bool {
        self.queue.is_some() && !self.begun && self.retry_at.is_none()
    }
}

/// A message that is not sent yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockedSend {
    /// Whose mailbox must have room.
    pub to: ProcessId,
    /// For a message under this topic.
    pub topic: String,
}

/// A question without an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenAsk {
    /// The question.
    pub spec: AskSpec,
    /// The event that asked.
    pub seq: Seq,
}

impl Ledger {
    /// The ledger of a whole history, of which `history_in_force` has taken
    /// away what no longer counts.
    pub fn of<'a>(events: impl IntoIterator<Item = (Seq, &'a Event)>) -> Ledger {
        let mut ledger = Ledger::default();
        for (seq, event) in events {
            ledger.apply(seq, event);
        }
        ledger
    }

    /// Takes in one more event.
    pub fn apply(&mut self, seq: Seq, event: &Event) {
        self.apply_to_standing(event);
        match event {
            Event::WorkflowStarted(segment) | Event::WorkflowContinued(segment) => {
                *self = Ledger::begin(segment);
            }
            Event::StepStarted { .. }
            | Event::StepRetrying { .. }
            | Event::StepRetried { .. }
            | Event::StepAdmitted { .. }
            | Event::StepUnknown { .. }
            | Event::StepCompleted { .. }
            | Event::StepFailed { .. } => self.apply_to_step(event),
            Event::MessageReceived { op, reply_to, .. } => {
                self.close(*op);
                self.owed.extend(reply_to.as_deref().cloned());
            }
            Event::ReplySent { to, .. } => self.owed.retain(|owed| owed != to),
            Event::SendUnblocked { op } => self.unblock(*op),
            Event::TimerFired { op }
            | Event::ReplyReceived { op, .. }
            | Event::OperationDropped { op } => self.close(*op),
            Event::ProcessExited { op, .. } => drop(self.watches.remove(op)),
            Event::TimerStarted { .. }
            | Event::MessageSent { .. }
            | Event::SendBlocked { .. }
            | Event::SpendBlocked { .. }
            | Event::ProcessSpawned { .. }
            | Event::MonitorStarted { .. }
            | Event::AskOpened { .. }
            | Event::LookupStarted { .. }
            | Event::Published { .. }
            | Event::PlaceTaken { .. } => self.open(seq, event),
            Event::Paused { .. } => self.paused = true,
            Event::Parked { .. } => self.parked = true,
            Event::Resumed { .. } => (self.paused, self.parked) = (false, false),
            Event::Restarted { settled, .. } => {
                self.begin_again(true);
                self.used_up.extend(settled.iter().filter(|op| self.reserved.remove(op)));
            }
            Event::BudgetSpent { .. } => self.reserve(event),
            Event::Forked { .. } => self.fork(),
            Event::WorkflowCompleted { result } => self.end(Exit::Normal(result.clone())),
            Event::WorkflowFailed { exit } => self.end(exit.clone()),
            Event::Released { .. } => self.release(),
            Event::CancelRequested { stop, tree, .. } => {
                (self.stop, self.tree) = (*stop, *tree);
                self.cancel();
            }
            Event::KillRequested { stop, .. } => self.stop = Some(*stop),
            Event::ExitReceived { op, .. } => self.close(*op),
            Event::SpawnRefused { .. }
            | Event::SendRefused { .. }
            | Event::SpendRefused { .. }
            | Event::LinkReceived { .. }
            | Event::Linked { .. }
            | Event::Unlinked { .. }
            | Event::TrapExitSet { .. }
            | Event::PlaceLeft { .. }
            | Event::CancelSent { .. }
            | Event::ChildRestarted { .. }
            | Event::ChildStopped { .. }
            | Event::ChildKilled { .. }
            | Event::StateSet { .. }
            | Event::CompensationsStarted { .. }
            | Event::VersionMarked { .. } => {}
        }
    }

    fn reserve(&mut self, event: &Event) {
        match event {
            Event::BudgetSpent { settles: Some(settles), .. } => {
                self.reserved.remove(&settles.of);
                self.used_up.remove(&settles.of);
            }
            Event::BudgetSpent { op, open: true, .. } => {
                self.reserved.insert(*op);
            }
            _ => {}
        }
    }

    /// What was the origin's is not the fork's: it settles what it has paid in
    /// advance, and answers whom it owes.
    fn fork(&mut self) {
        self.begin_again(false);
        self.used_up.append(&mut self.reserved);
        self.owed.clear();
        (self.supervised, self.supervises) = (None, false);
        self.standing = Standing::default();
    }

    fn unblock(&mut self, op: Op) {
        self.blocked.remove(&op);
        self.unpaid.remove(&op);
    }

    /// An operation begins to wait.
    fn open(&mut self, seq: Seq, event: &Event) {
        match event {
            Event::TimerStarted { op, fire_at } => {
                self.timers.insert(*op, *fire_at);
            }
            Event::MessageSent { op, to, call: true, .. } => {
                self.calls.insert(*op, to.clone());
            }
            Event::SendBlocked { op, to, topic } => {
                let (to, topic) = (to.clone(), topic.clone());
                let send = BlockedSend { to, topic };
                self.blocked.insert(*op, send);
            }
            Event::SpendBlocked { op, need } => {
                self.unpaid.insert(*op, need.clone());
            }
            Event::ProcessSpawned { supervised: Some(_), .. } => self.supervises = true,
            Event::ProcessSpawned { op, id: target, detached: false, .. }
            | Event::MonitorStarted { op, target } => {
                self.watches.insert(*op, target.clone());
            }
            Event::AskOpened { op, ask } => {
                self.asks.insert(*op, OpenAsk { spec: (**ask).clone(), seq });
            }
            Event::LookupStarted { op, .. } | Event::Published { op, .. } => {
                self.lookups.insert(*op, None);
            }
            Event::PlaceTaken { op, place: place @ Place::Name(_) } => {
                self.lookups.insert(*op, Some(place.clone()));
            }
            _ => {}
        }
    }

    fn apply_to_standing(&mut self, event: &Event) {
        let standing = &mut self.standing;
        match event {
            Event::Linked { target: id, .. } | Event::LinkReceived { by: id } => {
                standing.links.insert(id.clone());
            }
            Event::Unlinked { target: id, .. } | Event::ExitReceived { id, .. } => {
                standing.links.remove(id);
            }
            Event::CancelRequested { by: Origin::Process(id), exit: Some(_), .. } => {
                standing.links.remove(id);
            }
            Event::TrapExitSet { on } => standing.traps_exit = *on,
            Event::PlaceTaken { place, .. } => {
                standing.places.insert(place.clone());
            }
            Event::PlaceLeft { place, .. } => {
                standing.places.remove(place);
            }
            // Another has the name.
            Event::ReplyReceived { op, result: Err(_) } => {
                if let Some(Some(refused)) = self.lookups.get(op) {
                    standing.places.remove(refused);
                }
            }
            _ => {}
        }
    }

    fn begin(segment: &Segment) -> Ledger {
        Ledger {
            supervised: segment.supervised.clone(),
            supervises: segment.supervises,
            standing: segment.standing.clone(),
            account: segment.carried.as_ref().and_then(|carried| carried.account.clone()),
            ..Ledger::default()
        }
    }

    fn release(&mut self) {
        let status = self.down.as_ref().map(Status::of_exit);
        let account = self.account.take();
        *self = Ledger { ended: status.or(self.ended), account, ..Ledger::default() };
    }

    fn apply_to_step(&mut self, event: &Event) {
        match event {
            Event::StepStarted { op, name, at_most_once, queue } => {
                let step = OpenStep {
                    name: name.clone(),
                    attempts: 0,
                    crashes: 0,
                    retry_at: None,
                    at_most_once: *at_most_once,
                    begun: queue.is_none(),
                    queue: queue.clone(),
                };
                self.steps.insert(*op, step);
            }
            Event::StepRetrying { op, attempt, retry_at, .. } => {
                if let Some(step) = self.steps.get_mut(op) {
                    step.attempts = *attempt;
                    step.begun = false;
                    if let Some(queued) = &mut step.queue {
                        queued.since = *retry_at;
                    }
                }
                self.retry_at(*op, Some(*retry_at));
            }
            Event::StepRetried { op, attempt } => {
                if let Some(step) = self.steps.get_mut(op) {
                    step.begun = step.queue.is_none();
                    step.attempts = attempt.saturating_sub(1);
                }
                self.retry_at(*op, None);
            }
            Event::StepAdmitted { op, .. } => {
                if let Some(step) = self.steps.get_mut(op) {
                    step.begun = true;
                }
            }
            Event::StepUnknown { op, attempt } => self.step_unknown(*op, *attempt),
            Event::StepCompleted { op, .. } | Event::StepFailed { op, .. } => {
                self.remove_step(*op);
            }
            _ => {}
        }
    }

    fn retry_at(&mut self, op: Op, at: Option<Millis>) {
        let Some(step) = self.steps.get_mut(&op) else { return };
        if let Some(before) = std::mem::replace(&mut step.retry_at, at) {
            self.retries.remove(&(before, op));
        }
        self.retries.extend(at.map(|at| (at, op)));
    }

    fn remove_step(&mut self, op: Op) {
        if let Some(at) = self.steps.remove(&op).and_then(|step| step.retry_at) {
            self.retries.remove(&(at, op));
        }
    }

    fn step_unknown(&mut self, op: Op, attempt: u32) {
        let Some(step) = self.steps.get_mut(&op) else {
            return;
        };
        if step.at_most_once {
            self.remove_step(op);
        } else {
            step.attempts = attempt;
            step.crashes += 1;
            step.begun = step.queue.is_none();
            self.retry_at(op, None);
        }
    }

    /// Nothing of what is open has been begun by the process as it is now,
    /// except (`same_process`) a step that it may not begin twice.
    fn begin_again(&mut self, same_process: bool) {
        (self.paused, self.parked, self.ended) = (false, false, None);
        (self.stop, self.down) = (None, None);
        for (op, step) in &mut self.steps {
            if !(same_process && step.at_most_once) {
                if let Some(at) = step.retry_at.take() {
                    self.retries.remove(&(at, *op));
                }
                step.begun = false;
                (step.attempts, step.crashes) = (0, 0);
            }
        }
    }

    /// All that the code waits for fails as cancelled; what it hears of other
    /// processes' ends it still hears.
    fn cancel(&mut self) {
        self.cancelled = true;
        self.steps.clear();
        self.retries.clear();
        self.timers.clear();
        self.asks.clear();
        self.blocked.clear();
        self.unpaid.clear();
        self.calls.clear();
        self.lookups.clear();
    }

    fn close(&mut self, op: Op) {
        self.remove_step(op);
        self.timers.remove(&op);
        self.asks.remove(&op);
        self.blocked.remove(&op);
        self.unpaid.remove(&op);
        self.calls.remove(&op);
        self.lookups.remove(&op);
        self.watches.remove(&op);
    }

    /// Whether a process that ends so is kept for its supervisor's decision.
    pub fn holds(&self, exit: &Exit) -> bool {
        match (&self.supervised, self.stop) {
            (None, _) | (_, Some(Stop::Final)) => false,
            (_, Some(Stop::Resume | Stop::Again)) => true,
            (Some(supervised), None) => supervised.restart.restarts(exit),
        }
    }

    fn end(&mut self, exit: Exit) {
        let held = self.holds(&exit);
        let status = if held { Status::Down } else { Status::of_exit(&exit) };
        *self = Ledger {
            ended: Some(status),
            down: held.then_some(exit),
            owed: if held { std::mem::take(&mut self.owed) } else { Vec::new() },
            supervised: self.supervised.take(),
            supervises: self.supervises,
            account: self.account.take(),
            standing: if held { std::mem::take(&mut self.standing) } else { Standing::default() },
            ..Ledger::default()
        };
    }

    /// The operations that are open.
    pub fn open_ops(&self) -> impl Iterator<Item = Op> {
        let (steps, timers, asks) = (self.steps.keys(), self.timers.keys(), self.asks.keys());
        let (blocked, unpaid, calls) = (self.blocked.keys(), self.unpaid.keys(), self.calls.keys());
        let (watches, lookups) = (self.watches.keys(), self.lookups.keys());
        let waits = steps.chain(timers).chain(asks).chain(blocked).chain(unpaid);
        waits.chain(calls).chain(watches).chain(lookups).copied()
    }

    /// The next point in time at which something is due.
    pub fn wake_at(&self) -> Option<Millis> {
        if self.paused || self.parked || self.ended.is_some() {
            return None;
        }
        let retries = self.retries.first().map(|(at, _)| *at);
        self.timers.values().copied().chain(retries).min()
    }

    /// What the process is doing.
    pub fn status(&self) -> Status {
        if let Some(ended) = self.ended {
            return ended;
        }
        if self.parked {
            return Status::Parked;
        }
        if self.paused {
            return Status::Paused;
        }
        if self.steps.len() > self.retries.len() {
            return Status::Running;
        }
        // Before all else that it waits for: a node that starts brings it back.
        if !self.blocked.is_empty() || !self.unpaid.is_empty() {
            return Status::Blocked;
        }
        if !self.asks.is_empty() {
            return Status::Asking;
        }
        if !self.timers.is_empty() || !self.steps.is_empty() {
            return Status::Sleeping;
        }
        if !self.calls.is_empty() || !self.watches.is_empty() || !self.lookups.is_empty() {
            return Status::Joining;
        }
        Status::Receiving
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Failure;

    #[test]
    fn retries_are_those_of_the_steps() {
        let started =
            |op| Event::StepStarted { op, name: "visit".into(), at_most_once: false, queue: None };
        let retrying = |op, at| Event::StepRetrying {
            op,
            attempt: 1,
            failure: Failure::msg("busy"),
            retry_at: Millis(at),
        };
        let mut ledger = Ledger::default();
        let mut apply = |events: Vec<Event>, wake_at: Option<u64>, status| {
            events.iter().for_each(|event| ledger.apply(Seq(1), event));
            let expected: BTreeSet<(Millis, Op)> = (ledger.steps.iter())
                .filter_map(|(op, step)| Some((step.retry_at?, *op)))
                .collect();
            assert_eq!(ledger.retries, expected);
            assert_eq!((ledger.wake_at(), ledger.status()), (wake_at.map(Millis), status));
        };
        apply((1..=4).map(|op| started(Op(op))).collect(), None, Status::Running);
        apply((1..=3).map(|op| retrying(Op(op), 10 * op)).collect(), Some(10), Status::Running);
        apply(vec![retrying(Op(4), 5)], Some(5), Status::Sleeping);
        apply(vec![retrying(Op(4), 15)], Some(10), Status::Sleeping);
        apply(vec![Event::StepRetried { op: Op(1), attempt: 2 }], Some(15), Status::Running);
        apply(vec![Event::StepUnknown { op: Op(2), attempt: 2 }], Some(15), Status::Running);
        apply(vec![Event::OperationDropped { op: Op(4) }], Some(30), Status::Running);
        let failed = Event::StepFailed { op: Op(3), attempt: 2, failure: Failure::msg("no more") };
        apply(vec![failed], None, Status::Running);
        apply(vec![retrying(Op(1), 7)], Some(7), Status::Running);
        let (from, by) = ("a/a".parse().unwrap(), Origin::External("test".into()));
        apply(vec![Event::Forked { from, at: Seq(1), seed: 1, by }], None, Status::Running);
    }

    #[test]
    fn a_refused_name_is_not_held() {
        let (op, place) = (Op(1), Place::Name("pricing".into()));
        let mut ledger = Ledger::default();
        ledger.apply(Seq(1), &Event::PlaceTaken { op, place: place.clone() });
        assert!(ledger.standing.places.contains(&place));
        let result = Err(Failure::msg("taken"));
        ledger.apply(Seq(2), &Event::ReplyReceived { op, result });
        assert!(ledger.standing.is_empty() && ledger.lookups.is_empty());
    }
}
