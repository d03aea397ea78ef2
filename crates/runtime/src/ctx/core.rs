//! The shared state behind a process's [`Ctx`](super::Ctx): which operations
//! wait, what was asked for in this turn. Only ever touched by the one thread
//! that runs the process's turn, and by its steps for nothing.

use super::job::{Compensation, StepJob};
use super::recorded::Recorded;
use crate::accounts::{Accounts, Hold};
use crate::code::{HasRoom, Newest, RunEphemeral};
use greenroom_model::stage;
use greenroom_model::{
    Envelope, Event, Exit, Failure, Filter, InHand, Millis, Op, Origin, Payload, ProcessId,
    ProcessNo, ReplyTo, Segment, Stop, Topic, failure,
};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

/// What never changes in a segment.
#[derive(Clone)]
pub(crate) struct Identity {
    pub id: ProcessId,
    pub no: ProcessNo,
    /// Reservations that are not its own any more.
    pub used_up: BTreeSet<Op>,
    /// The names it will have after each fork that its history still holds.
    pub later: VecDeque<ProcessId>,
    /// The newest version of a kind, for spawns.
    pub newest: Newest,
    pub has_room: HasRoom,
    pub accounts: Arc<Accounts>,
    pub ephemeral: RunEphemeral,
}

/// What an operation's wait ended with.
#[derive(Debug)]
pub(crate) enum Outcome {
    Value(Result<Payload, Failure>),
    Fired,
    Message { from: Origin, topic: Topic, body: Payload, reply_to: Option<ReplyTo> },
    Exited(Exit),
    ChildExited(ProcessId, Exit),
}

/// One waiting operation.
#[derive(Default)]
struct Slot {
    outcome: Option<Outcome>,
    waker: Option<Waker>,
    /// It has left an open entry in the ledger, which dropping it must close.
    recorded: bool,
    /// It waits for nothing but the time.
    sleeps: bool,
    /// What to say when its timer fires; `None`: the firing is the outcome.
    on_timer: Option<OnTimer>,
    /// What it does as soon as it may.
    waits: Option<Box<Waits>>,
}

/// What an operation has put off.
pub(super) enum Waits {
    /// Until there is room for it.
    ForRoom(Unsent),
    /// Until it is paid for.
    ToSend(Unsent),
    /// Until it is paid for, or the mailbox that the last publish filled has room;
    /// the first is what costs.
    ToDo(Vec<Event>),
}

/// A message to be sent.
pub(crate) struct Unsent {
    pub to: ProcessId,
    pub topic: String,
    pub body: Payload,
    /// Its reply is waited for.
    pub call: bool,
    /// From then on nobody wants it handled.
    pub deadline: Option<Millis>,
}

/// What the firing of an operation's timer means to it.
#[derive(Debug)]
pub(crate) enum OnTimer {
    TimesOut(String),
    /// Nobody wants it any more.
    TooLate(String),
    TakesDefault(Payload),
}

pub(crate) struct Core {
    pub identity: Identity,
    pub segment: Segment,
    pub now: Millis,
    pub chance: super::chance::Chance,
    pub state: BTreeMap<String, Payload>,
    pub compensations: Vec<Compensation>,
    pub continuation: Option<Payload>,
    pub cancelled: Option<String>,
    pub stop: Option<Stop>,
    /// Its children were cancelled with it.
    pub tree: bool,
    /// A linked process has ended: how this one ends of it.
    pub ends_as: Option<Exit>,
    /// What it has subscribed to in this segment.
    pub subscribed: BTreeSet<String>,
    pub supervises: bool,
    /// What the code acts for, unless it is the process's own envelope.
    in_hand: Option<Arc<InHand>>,
    /// The segment follows another one, rather than being begun (again).
    pub continued: bool,
    pub emitted: Vec<Payload>,
    /// What the budget has paid of them.
    pub(super) holds: Vec<Hold>,
    /// And of the next.
    pub(super) paid: Option<Hold>,
    /// So many messages it has sent since it was cancelled.
    pub(super) cleaned: u64,
    /// Asked for since the last input.
    pub(super) commands: Vec<Event>,
    /// What the journal holds after the last input, while replaying.
    expected: Vec<Recorded>,
    pub(super) replaying: bool,
    versions: HashMap<String, u32>,
    next_op: Op,
    /// Where numbering goes on when the next message is taken.
    message_op: Option<Op>,
    slots: HashMap<Op, Slot>,
    steps: HashMap<Op, StepJob>,
    /// In the order they began to wait. A few: a list is smaller than a map.
    receivers: Vec<(Op, Filter)>,
    exits: HashMap<Op, Exit>,
    joiners: HashMap<Op, Vec<Op>>,
    /// Steps that are ephemeral children: their results are exits.
    children: HashSet<Op>,
    closing: bool,
}

/// The process's own envelope, if it has more than root and hops.
fn own(segment: &Segment) -> Option<Arc<InHand>> {
    segment.carried.as_ref().map(|_| Arc::new(InHand::own(segment)))
}

pub(crate) type Shared = Arc<Mutex<Core>>;

/// A panic of the code while it held the lock must not hide the first cause.
pub(crate) fn lock(core: &Shared) -> MutexGuard<'_, Core> {
    core.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Core {
    pub fn new(identity: Identity, segment: Segment, now: Millis) -> Core {
        Core {
            identity,
            now,
            chance: super::chance::Chance::new(segment.seed),
            state: segment.state.clone(),
            supervises: segment.supervises,
            continued: false,
            next_op: segment.first_op,
            in_hand: own(&segment),
            segment,
            compensations: Vec::new(),
            continuation: None,
            cancelled: None,
            stop: None,
            tree: false,
            ends_as: None,
            subscribed: BTreeSet::new(),
            emitted: Vec::new(),
            holds: Vec::new(),
            paid: None,
            cleaned: 0,
            commands: Vec::new(),
            expected: Vec::new(),
            replaying: false,
            versions: HashMap::new(),
            message_op: None,
            slots: HashMap::new(),
            steps: HashMap::new(),
            receivers: Vec::new(),
            exits: HashMap::new(),
            joiners: HashMap::new(),
            children: HashSet::new(),
            closing: false,
        }
    }

    // ---- for operations ----

    /// The next operation's number.
    pub fn number(&mut self) -> Op {
        let op = self.next_op;
        self.next_op = Op(op.0 + 1);
        op
    }

    /// Records a command.
    pub fn ask(&mut self, command: Event) {
        self.hold(&command);
        self.commands.push(command);
    }

    /// Makes `op` wait. `recorded`: a command of it stands in the journal.
    pub fn wait(&mut self, op: Op, recorded: bool) {
        self.slots.insert(op, Slot { recorded, ..Slot::default() });
    }

    /// Makes `op` wait for a point in time, and for nothing else.
    pub fn sleep(&mut self, op: Op, fire_at: Millis) {
        self.ask(Event::TimerStarted { op, fire_at });
        self.slots.insert(op, Slot { recorded: true, sleeps: true, ..Slot::default() });
    }

    /// What the code acts for.
    pub fn envelope(&self) -> InHand {
        self.in_hand.as_deref().cloned().unwrap_or_else(|| InHand::own(&self.segment))
    }

    /// When nobody will want any more what the code does now.
    pub fn deadline(&self) -> Option<Millis> {
        self.in_hand.as_ref().and_then(|in_hand| in_hand.deadline)
    }

    /// What the code acts for, unless it is the process's plain own.
    pub(super) fn envelope_in_hand(&self) -> Option<&InHand> {
        self.in_hand.as_deref()
    }

    /// `op`, which waits, does this when it may.
    pub(super) fn put_off(&mut self, op: Op, waits: Waits) {
        if let Some(slot) = self.slots.get_mut(&op) {
            (slot.recorded, slot.waits) = (true, Some(Box::new(waits)));
        }
    }

    /// `op` has left nothing open in the ledger.
    pub fn no_record(&mut self, op: Op) {
        if let Some(slot) = self.slots.get_mut(&op) {
            slot.recorded = false;
        }
    }

    /// Bounds the wait of `op`.
    pub fn limit(&mut self, op: Op, fire_at: Millis, on_timer: OnTimer) {
        self.ask(Event::TimerStarted { op, fire_at });
        if let Some(slot) = self.slots.get_mut(&op) {
            slot.recorded = true;
            slot.on_timer = Some(on_timer);
        }
    }

    pub fn receive(&mut self, op: Op, filter: Filter) {
        self.wait(op, false);
        self.receivers.push((op, filter));
    }

    pub fn add_step(&mut self, op: Op, job: StepJob) {
        self.wait(op, true);
        self.steps.insert(op, job);
    }

    /// A step that is an ephemeral child: its result is heard of by `join`.
    pub fn add_child(&mut self, op: Op, job: StepJob) {
        self.steps.insert(op, job);
        self.children.insert(op);
    }

    /// Makes `op` wait for the end of `target`; dropping it ends the watch.
    pub fn monitor(&mut self, op: Op, target: ProcessId) {
        self.ask(Event::MonitorStarted { op, target });
        self.wait(op, true);
        self.joiners.entry(op).or_default().push(op);
    }

    /// Makes `op` wait for the exit that operation `watch` will hear of.
    pub fn join(&mut self, op: Op, watch: Op) {
        self.wait(op, false);
        match self.exits.get(&watch) {
            Some(exit) => {
                let outcome = Outcome::Exited(exit.clone());
                self.resolve(op, outcome);
            }
            None => self.joiners.entry(watch).or_default().push(op),
        }
    }

    pub fn poll(&mut self, op: Op, waker: &Waker) -> Option<Outcome> {
        let slot = self.slots.get_mut(&op)?;
        match slot.outcome.take() {
            Some(outcome) => {
                self.slots.remove(&op);
                Some(outcome)
            }
            None => {
                slot.waker = Some(waker.clone());
                None
            }
        }
    }

    /// The code no longer waits for `op`. Gives back what must be dropped
    /// outside the lock.
    pub fn forget(&mut self, op: Op) -> Option<StepJob> {
        let slot = self.slots.remove(&op)?;
        self.no_receiver(op);
        if slot.recorded && slot.outcome.is_none() && !self.closing {
            self.commands.push(Event::OperationDropped { op });
        }
        self.steps.remove(&op)
    }

    /// What the journal holds where the next command will stand.
    pub fn recorded(&self) -> Option<&Recorded> {
        self.expected.get(self.commands.len())
    }

    /// The next command is a new one: the journal ends before it.
    pub fn is_new(&self) -> bool {
        self.recorded().is_none() && !self.replaying
    }

    /// The version of a named change: what the journal says, else the newest
    /// for new work and 0 for work that was done before the change.
    pub fn version(&mut self, change: &str, newest: u32) -> u32 {
        if let Some(version) = self.versions.get(change) {
            return *version;
        }
        let version = match self.recorded() {
            Some(Recorded::Version { change: marked, version }) if marked == change => {
                Some(*version)
            }
            Some(_) => None,
            None if self.replaying => None,
            None => Some(newest),
        };
        if let Some(version) = version {
            self.ask(Event::VersionMarked { change: change.to_owned(), version });
        }
        let version = version.unwrap_or(0);
        self.versions.insert(change.to_owned(), version);
        version
    }

    // ---- for the activation ----

    /// Begins the work on an input: what the journal holds after it, and
    /// whether the journal goes on after that.
    pub fn begin(&mut self, at: Millis, expected: &[&Event], replaying: bool) {
        self.now = self.now.max(at);
        self.expected.clear();
        self.expected.extend(expected.iter().map(|event| Recorded::of(event)));
        self.replaying = replaying;
    }

    /// Operations are numbered from `now` on, and from `then` on once the next
    /// message is taken.
    pub fn renumber(&mut self, now: Option<Op>, then: Option<Op>) {
        self.next_op = self.next_op.max(now.unwrap_or_default());
        self.message_op = then;
    }

    /// A fork has its own name and draws its own randomness from here on.
    pub fn fork(&mut self, seed: u64) {
        if let Some(name) = self.identity.later.pop_front() {
            self.identity.id = name;
        }
        self.chance = super::chance::Chance::new(seed);
        // Neither its supervisor nor its children are the fork's.
        (self.segment.supervised, self.supervises) = (None, false);
    }

    pub fn take_commands(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.commands)
    }

    /// What the commands since the last input are asked for. Code that waits for
    /// the next message, and for nothing else but the time, is done with the
    /// last one.
    pub fn put_down(&mut self) -> Option<Arc<InHand>> {
        let in_hand = self.in_hand.clone()?;
        let receives = |op: &Op| self.receivers.iter().any(|(other, _)| other == op);
        let waits = |(op, slot): (&Op, &Slot)| slot.sleeps || receives(op);
        if !self.receivers.is_empty() && self.steps.is_empty() && self.slots.iter().all(waits) {
            self.in_hand = own(&self.segment);
        }
        Some(in_hand)
    }

    /// The code takes a message; an answer to a question is none.
    fn take_in_hand(&mut self, op: Op, from: &Origin, topic: &str, envelope: Option<&Envelope>) {
        if [stage::ASK, stage::LEAVE].contains(&topic) {
            // What is sent because it was asked for is no loop, however often.
            self.in_hand = own(&self.segment);
        } else if self.receivers.iter().any(|(other, _)| *other == op) {
            let taken = |envelope| Arc::new(InHand::taken(&self.segment, from, envelope));
            self.in_hand = envelope.map(taken).or_else(|| own(&self.segment));
        }
    }

    /// Hands an input to the operation that waits for it. `false`: nobody
    /// does.
    pub fn feed(&mut self, input: &Event) -> bool {
        match input {
            Event::StepCompleted { op, result, .. } => {
                self.steps.remove(op);
                if self.children.remove(op) {
                    return self.exited(*op, &Exit::Normal(result.clone()));
                }
                self.resolve(*op, Outcome::Value(Ok(result.clone())))
            }
            Event::StepFailed { op, failure, .. } => {
                self.steps.remove(op);
                if self.children.remove(op) {
                    return self.exited(*op, &Exit::from_result(Err(failure.clone())));
                }
                self.resolve(*op, Outcome::Value(Err(failure.clone())))
            }
            Event::StepUnknown { op, attempt } => self.feed_unknown(*op, *attempt),
            Event::WorkflowContinued(_) => {
                self.continued = true;
                true
            }
            Event::TimerFired { op } => self.fire(*op),
            Event::MessageReceived { op, from, topic, body, reply_to, envelope } => {
                self.take_in_hand(*op, from, topic, envelope.as_deref());
                if self.no_receiver(*op)
                    && let Some(first_op) = self.message_op.take()
                {
                    self.next_op = self.next_op.max(first_op);
                }
                let (from, topic) = (from.clone(), Topic::from(topic.as_str()));
                let (body, reply_to) = (body.clone(), reply_to.as_deref().cloned());
                self.resolve(*op, Outcome::Message { from, topic, body, reply_to })
            }
            Event::SendUnblocked { op } => {
                let slot = self.slots.get_mut(op);
                let Some(waits) = slot.and_then(|slot| slot.waits.take()) else {
                    return false;
                };
                match *waits {
                    Waits::ForRoom(unsent) => self.send_again(*op, unsent, true),
                    Waits::ToSend(unsent) => self.send_again(*op, unsent, false),
                    Waits::ToDo(commands) => self.pay_again(*op, commands),
                }
                true
            }
            Event::ReplyReceived { op, result } => {
                self.resolve(*op, Outcome::Value(result.clone()))
            }
            Event::ProcessExited { op, exit, .. } => self.exited(*op, exit),
            Event::ExitReceived { op, id, exit } => {
                self.in_hand = own(&self.segment);
                self.no_receiver(*op);
                self.resolve(*op, Outcome::ChildExited(id.clone(), exit.clone()))
            }
            Event::CancelRequested { reason, stop, tree, exit, .. } => {
                (self.stop, self.tree, self.ends_as) = (*stop, *tree, exit.as_deref().cloned());
                self.cancel(reason);
                true
            }
            _ => true,
        }
    }

    fn exited(&mut self, op: Op, exit: &Exit) -> bool {
        self.exits.insert(op, exit.clone());
        for joiner in self.joiners.remove(&op).unwrap_or_default() {
            self.resolve(joiner, Outcome::Exited(exit.clone()));
        }
        true
    }

    fn feed_unknown(&mut self, op: Op, attempt: u32) -> bool {
        let Some(job) = self.steps.get(&op) else {
            return false;
        };
        if !job.at_most_once {
            return true;
        }
        let words = format!(
            "the node went down during attempt {attempt} of step `{}`; whether it took effect \
             is unknown, and it may run at most once",
            job.name
        );
        self.steps.remove(&op);
        self.resolve(op, Outcome::Value(Err(Failure::fatal(failure::UNKNOWN, words))))
    }

    fn fire(&mut self, op: Op) -> bool {
        self.no_receiver(op);
        let on_timer = self.slots.get_mut(&op).and_then(|slot| slot.on_timer.take());
        let outcome = match on_timer {
            None => Outcome::Fired,
            Some(OnTimer::TimesOut(words)) => {
                Outcome::Value(Err(Failure::new(failure::TIMEOUT, words)))
            }
            Some(OnTimer::TooLate(words)) => {
                Outcome::Value(Err(Failure::fatal(failure::DEADLINE, words)))
            }
            Some(OnTimer::TakesDefault(value)) => Outcome::Value(Ok(value)),
        };
        self.resolve(op, outcome)
    }

    fn cancel(&mut self, reason: &str) {
        self.cancelled = Some(reason.to_owned());
        self.receivers.clear();
        self.joiners.clear();
        let mut waiting: Vec<Op> = self.slots.keys().copied().collect();
        waiting.sort_unstable();
        for op in waiting {
            let failure = Failure::fatal(failure::CANCELLED, reason);
            self.resolve(op, Outcome::Value(Err(failure)));
        }
    }

    pub(super) fn resolve(&mut self, op: Op, outcome: Outcome) -> bool {
        let Some(slot) = self.slots.get_mut(&op) else {
            return false;
        };
        if slot.outcome.is_some() {
            return false;
        }
        slot.outcome = Some(outcome);
        if let Some(waker) = slot.waker.take() {
            waker.wake();
        }
        true
    }

    pub fn is_waiting(&self) -> bool {
        !self.slots.is_empty()
    }

    pub fn waiting(&self) -> Vec<Op> {
        self.slots.keys().copied().collect()
    }

    pub fn receivers(&self) -> &[(Op, Filter)] {
        &self.receivers
    }

    /// `true`: it had been waiting for a message.
    fn no_receiver(&mut self, op: Op) -> bool {
        let before = self.receivers.len();
        self.receivers.retain(|(other, _)| *other != op);
        self.receivers.len() < before
    }

    pub fn step(&self, op: Op) -> Option<&StepJob> {
        self.steps.get(&op)
    }

    pub fn next_op(&self) -> Op {
        self.next_op
    }

    /// From here on dropped operations record nothing: it is the process's
    /// memory that goes, not its wish. Gives back what holds code of the
    /// user's, to be dropped outside the lock.
    pub fn close(&mut self) -> (HashMap<Op, StepJob>, Vec<Compensation>) {
        self.closing = true;
        (std::mem::take(&mut self.steps), std::mem::take(&mut self.compensations))
    }
}
