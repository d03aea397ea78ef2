//! One process's place in memory. Its inbox takes what comes at any time; its
//! body is touched by one visit at a time.

use super::line::InLine;
use super::mailbox::Mailbox;
use super::rooms::Door;
use super::task::Task;
use crate::accounts::Hold;
use crate::code::{Activation, StepResult};
use greenroom_journal::Outcome;
use greenroom_model::{
    Event, Failure, InHand, Kind, Ledger, Message, Millis, Op, Payload, ProcessId, ProcessNo, Seq,
    Shard, Status, Sum,
};
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// An attempt of a step of a process in memory.
pub(crate) type StepTask = Task<Arc<Cell>>;

pub(crate) struct Cell {
    pub no: ProcessNo,
    /// It stands in the ready queue.
    pub queued: AtomicBool,
    /// It stands in the line for eviction.
    pub lined: AtomicBool,
    /// It is no longer in the map.
    pub gone: AtomicBool,
    /// About how many bytes its body takes.
    pub bytes: AtomicUsize,
    /// Held by the visit under way.
    pub visit: Mutex<()>,
    /// Somebody came for a visit meanwhile.
    pub again: AtomicBool,
    inbox: Mutex<Inbox>,
    body: Mutex<Body>,
}

/// What has come for a process and has not been looked at.
#[derive(Default)]
pub(crate) struct Inbox {
    /// What its senders see, once it has been in memory.
    pub door: Option<Arc<Door>>,
    /// How many messages lay unread when it was last looked at.
    pub lying: usize,
    pub mail: Vec<Message>,
    pub done: Vec<StepDone>,
    pub ack: Option<Outcome>,
    /// The turn under way can never be stored, and why.
    pub fault: Option<Failure>,
    /// It is to be parked as soon as it is in memory, and why.
    pub parks: Option<Failure>,
    pub fresh: Option<Box<Fresh>>,
    /// There is a reason to bring it into memory.
    pub wake: bool,
    /// The store may hold mail for it that nobody has handed on.
    pub reread: bool,
    /// A queue has let in one of its steps, or sent it away.
    pub let_in: bool,
}

impl Inbox {
    /// All that has come.
    pub fn take(&mut self) -> Inbox {
        let taken = std::mem::take(self);
        (self.door, self.lying) = (taken.door.clone(), taken.lying);
        taken
    }

    /// A message has come. Gives back the door if it fills the mailbox.
    pub fn add(&mut self, message: Message) -> Option<(Arc<Door>, usize)> {
        self.mail.push(message);
        let messages = self.lying + self.mail.len();
        let fills = |door: &&Arc<Door>| {
            door.is_filled_by(messages, 0) && !door.full.load(Ordering::Acquire)
        };
        self.door.as_ref().filter(fills).map(|door| (door.clone(), messages))
    }

    pub fn is_empty(&self) -> bool {
        self.mail.is_empty()
            && self.done.is_empty()
            && self.ack.is_none()
            && self.fault.is_none()
            && self.fresh.is_none()
            && !self.wake
            && !self.reread
            && !self.let_in
    }
}

/// A process this node has just started: what loading it would read.
pub(crate) struct Fresh {
    pub facts: Facts,
    pub at: Millis,
    pub sum: Sum,
    pub event: Event,
}

/// An attempt of a step has ended.
pub(crate) struct StepDone {
    pub op: Op,
    pub attempt: u32,
    pub result: StepResult,
    /// If this was aborted, nobody waits for the result.
    pub task: Arc<StepTask>,
}

/// What never changes about a process.
#[derive(Clone)]
pub(crate) struct Facts {
    pub id: ProcessId,
    pub shard: Shard,
    pub root: String,
    pub hops: u32,
}

pub(crate) enum Body {
    /// Not in memory.
    Cold,
    /// In memory.
    Live(Box<Live>),
}

/// A process in memory.
pub(crate) struct Live {
    pub no: ProcessNo,
    pub facts: Facts,
    pub kind: Kind,
    pub seq: Seq,
    pub sum: Sum,
    pub segment: Seq,
    /// What its row says it does.
    pub status: Status,
    /// When its last turn was; the next is not earlier.
    pub at: Millis,
    pub ledger: Ledger,
    /// `None` if it is parked or has ended.
    pub activation: Option<Box<dyn Activation>>,
    pub mail: Mailbox,
    /// Its mailbox, as its senders see it.
    pub door: Arc<Door>,
    /// The store may hold mail older than what comes now: it is read first.
    pub unread: bool,
    /// This node has no code for it: it can be ended or held, but not run.
    pub no_code: bool,
    /// It has not begun: as many of its kind are under way as may be.
    pub waits: bool,
    pub done: VecDeque<StepDone>,
    pub running: HashMap<Op, Arc<StepTask>>,
    /// Steps whose next attempt begins once the turn under way is durable.
    pub intended: Vec<Op>,
    /// Its steps that stand in queues.
    pub line: InLine,
    /// One of its operations stands in the line of a budget, or may.
    pub in_line: bool,
    /// About how much of its segment's history the code may hold on to.
    pub history_bytes: usize,
    /// Inputs that loading found due: unknown steps, a divergence.
    pub found: VecDeque<Event>,
    /// Its code has run for too long: it ends so.
    pub overdue: Option<Failure>,
    /// Commands the code has issued that no commit holds yet.
    pub surplus: VecDeque<Event>,
    /// What they are asked for; `None`: its own envelope.
    pub in_hand: Option<Arc<InHand>>,
    /// What their budget has set aside for them, one for each that costs.
    pub holds: VecDeque<Hold>,
    /// Live values of the turn being made.
    pub emitted: Vec<Payload>,
    pub flight: Option<Flight>,
}

/// A turn on its way to the store.
pub(crate) struct Flight {
    pub first: Seq,
    pub at: Millis,
    pub events: Vec<Event>,
    /// Live values, for those who follow the process.
    pub emitted: Vec<Payload>,
    /// Drop the memory and load again once it is durable.
    pub reload: bool,
}

impl Cell {
    pub fn new(no: ProcessNo) -> Cell {
        Cell {
            no,
            queued: AtomicBool::new(false),
            lined: AtomicBool::new(false),
            gone: AtomicBool::new(false),
            bytes: AtomicUsize::new(0),
            visit: Mutex::default(),
            again: AtomicBool::new(false),
            inbox: Mutex::default(),
            body: Mutex::new(Body::Cold),
        }
    }

    pub fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn body(&self) -> MutexGuard<'_, Body> {
        self.body.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn try_body(&self) -> Option<MutexGuard<'_, Body>> {
        match self.body.try_lock() {
            Ok(body) => Some(body),
            Err(std::sync::TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(std::sync::TryLockError::WouldBlock) => None,
        }
    }
}

/// What a process takes in memory beside its messages and payloads, and an
/// event beside its payloads, about.
const LIVE_BYTES: usize = 2 << 10;
const EVENT_BYTES: usize = 150;

/// About how much memory what an event brings takes.
pub(super) fn weight(event: &mut Event) -> usize {
    let mut bytes = EVENT_BYTES;
    event.payloads_mut(&mut |payload| bytes += payload.bytes());
    bytes
}

impl Live {
    /// About how much memory it takes: what the code holds is not known, but
    /// it came from somewhere.
    pub fn bytes(&self) -> usize {
        LIVE_BYTES + self.mail.bytes() + self.history_bytes
    }

    /// Nothing is under way, so its memory can go.
    pub fn is_idle(&self) -> bool {
        self.flight.is_none()
            && self.running.is_empty()
            && self.done.is_empty()
            && self.found.is_empty()
            && self.surplus.is_empty()
            && self.overdue.is_none()
    }

    /// It takes in nothing but what a person does about it.
    pub fn is_held(&self) -> bool {
        self.no_code
            || self.waits
            || self.ledger.paused
            || self.ledger.parked
            || self.ledger.ended.is_some()
    }

    /// Its code does not go on until somebody resumes it.
    pub fn park(&mut self, failure: Failure) {
        self.activation = None;
        self.overdue = None;
        self.surplus.clear();
        self.holds.clear();
        self.emitted.clear();
        self.found = VecDeque::from([Event::Parked { failure }]);
    }

    /// Nobody waits for its steps any more.
    pub fn stop_steps(&mut self) {
        self.abort_all();
        self.done.clear();
    }

    /// Those under way are dropped, those in queues leave them.
    pub fn abort_all(&mut self) {
        self.running.drain().for_each(|(_, task)| task.abort());
        self.line = InLine::default();
    }

    pub fn abort(&mut self, op: Op) {
        drop(self.line.take(op));
        if let Some(task) = self.running.remove(&op) {
            task.abort();
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.running.drain().for_each(|(_, task)| task.abort());
    }
}
