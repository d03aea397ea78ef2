//! What a process has open, as a fold over its events: steps under way,
//! timers, asks, calls, monitors. The runtime recovers from it, the API
//! explains with it. Pure.

use crate::{
    AskSpec, Event, Exit, Millis, Op, ProcessId, ReplyTo, Segment, Seq, Status, Stop, Supervised,
};
use std::collections::BTreeMap;

/// The open operations of one process after some prefix of its journal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Steps started and not ended.
    pub steps: BTreeMap<Op, OpenStep>,
    /// When each timer fires.
    pub timers: BTreeMap<Op, Millis>,
    /// Open asks.
    pub asks: BTreeMap<Op, OpenAsk>,
    /// Calls taken from the mailbox and not answered yet.
    pub owed: Vec<ReplyTo>,
    /// Calls without a reply.
    pub calls: BTreeMap<Op, ProcessId>,
    /// Processes whose end will be heard of.
    pub watches: BTreeMap<Op, ProcessId>,
    /// Effects are held back.
    pub paused: bool,
    /// The code cannot go on.
    pub parked: bool,
    /// The code was asked to stop and cleans up: it is not asked again.
    pub cancelled: bool,
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
        match event {
            Event::WorkflowStarted(segment) | Event::WorkflowContinued(segment) => {
                *self = Ledger::begin(segment);
            }
            Event::StepStarted { .. }
            | Event::StepRetrying { .. }
            | Event::StepRetried { .. }
            | Event::StepUnknown { .. }
            | Event::StepCompleted { .. }
            | Event::StepFailed { .. } => self.apply_to_step(event),
            Event::TimerStarted { op, fire_at } => {
                self.timers.insert(*op, *fire_at);
            }
            Event::MessageReceived { op, reply_to, .. } => {
                self.close(*op);
                self.owed.extend(reply_to.clone());
            }
            Event::ReplySent { to, .. } => self.owed.retain(|owed| owed != to),
            Event::TimerFired { op }
            | Event::ReplyReceived { op, .. }
            | Event::OperationDropped { op } => self.close(*op),
            Event::ProcessExited { op, .. } => {
                self.watches.remove(op);
            }
            Event::MessageSent { op, to, call: true, .. } => {
                self.calls.insert(*op, to.clone());
            }
            Event::ProcessSpawned { supervised: Some(_), .. } => self.supervises = true,
            Event::ProcessSpawned { op, id, detached: false, .. } => {
                self.watches.insert(*op, id.clone());
            }
            Event::MonitorStarted { op, target } => {
                self.watches.insert(*op, target.clone());
            }
            Event::AskOpened { op, ask } => {
                self.asks.insert(*op, OpenAsk { spec: ask.clone(), seq });
            }
            Event::Paused { .. } => self.paused = true,
            Event::Parked { .. } => self.parked = true,
            Event::Resumed { .. } => (self.paused, self.parked) = (false, false),
            Event::Restarted { .. } => self.begin_again(true),
            Event::Forked { .. } => {
                self.begin_again(false);
                self.owed.clear();
                (self.supervised, self.supervises) = (None, false);
            }
            Event::WorkflowCompleted { result } => self.end(Exit::Normal(result.clone())),
            Event::WorkflowFailed { exit } => self.end(exit.clone()),
            Event::Released { .. } => self.release(),
            Event::CancelRequested { stop, .. } => {
                self.stop = *stop;
                self.cancel();
            }
            Event::KillRequested { stop, .. } => self.stop = Some(*stop),
            Event::ExitReceived { op, .. } => self.close(*op),
            Event::MessageSent { .. }
            | Event::ProcessSpawned { .. }
            | Event::SpawnRefused { .. }
            | Event::CancelSent { .. }
            | Event::ChildRestarted { .. }
            | Event::ChildStopped { .. }
            | Event::ChildKilled { .. }
            | Event::StateSet { .. }
            | Event::CompensationsStarted { .. }
            | Event::VersionMarked { .. } => {}
        }
    }

    fn begin(segment: &Segment) -> Ledger {
        Ledger {
            supervised: segment.supervised.clone(),
            supervises: segment.supervises,
            ..Ledger::default()
        }
    }

    fn release(&mut self) {
        let status = self.down.as_ref().map(Status::of_exit);
        *self = Ledger { ended: status.or(self.ended), ..Ledger::default() };
    }

    fn apply_to_step(&mut self, event: &Event) {
        match event {
            Event::StepStarted { op, name, at_most_once } => {
                let step = OpenStep {
                    name: name.clone(),
                    attempts: 0,
                    crashes: 0,
                    retry_at: None,
                    at_most_once: *at_most_once,
                    begun: true,
                };
                self.steps.insert(*op, step);
            }
            Event::StepRetrying { op, attempt, retry_at, .. } => {
                if let Some(step) = self.steps.get_mut(op) {
                    step.attempts = *attempt;
                    step.retry_at = Some(*retry_at);
                    step.begun = false;
                }
            }
            Event::StepRetried { op, attempt } => {
                if let Some(step) = self.steps.get_mut(op) {
                    (step.begun, step.retry_at) = (true, None);
                    step.attempts = attempt.saturating_sub(1);
                }
            }
            Event::StepUnknown { op, attempt } => self.step_unknown(*op, *attempt),
            Event::StepCompleted { op, .. } | Event::StepFailed { op, .. } => {
                self.steps.remove(op);
            }
            _ => {}
        }
    }

    fn step_unknown(&mut self, op: Op, attempt: u32) {
        let Some(step) = self.steps.get_mut(&op) else {
            return;
        };
        if step.at_most_once {
            self.steps.remove(&op);
        } else {
            step.attempts = attempt;
            step.crashes += 1;
            step.retry_at = None;
        }
    }

    /// Nothing of what is open has been begun by the process as it is now,
    /// except (`same_process`) a step that it may not begin twice.
    fn begin_again(&mut self, same_process: bool) {
        (self.paused, self.parked, self.ended) = (false, false, None);
        (self.stop, self.down) = (None, None);
        for step in self.steps.values_mut() {
            if !(same_process && step.at_most_once) {
                (step.begun, step.retry_at) = (false, None);
                (step.attempts, step.crashes) = (0, 0);
            }
        }
    }

    /// All that the code waits for fails as cancelled; what it hears of other
    /// processes' ends it still hears.
    fn cancel(&mut self) {
        self.cancelled = true;
        self.steps.clear();
        self.timers.clear();
        self.asks.clear();
        self.calls.clear();
    }

    fn close(&mut self, op: Op) {
        self.steps.remove(&op);
        self.timers.remove(&op);
        self.asks.remove(&op);
        self.calls.remove(&op);
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
            ..Ledger::default()
        };
    }

    /// The next point in time at which something is due.
    pub fn wake_at(&self) -> Option<Millis> {
        if self.paused || self.parked || self.ended.is_some() {
            return None;
        }
        let retries = self.steps.values().filter_map(|step| step.retry_at);
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
        if self.steps.values().any(|step| step.retry_at.is_none()) {
            return Status::Running;
        }
        if !self.asks.is_empty() {
            return Status::Asking;
        }
        if !self.timers.is_empty() || !self.steps.is_empty() {
            return Status::Sleeping;
        }
        if !self.calls.is_empty() || !self.watches.is_empty() {
            return Status::Joining;
        }
        Status::Receiving
    }
}
