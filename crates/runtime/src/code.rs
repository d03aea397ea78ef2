//! The border between the runtime and code: inputs in, commands out.
//!
//! The runtime drives every process through these traits and never sees what
//! is behind them: an async Rust function in this binary ([`crate::local`]),
//! or code in another process behind a worker protocol.

use crate::accounts::{Accounts, Hold};
use futures_util::future::BoxFuture;
use greenroom_model::{
    Event, Exit, Failure, Filter, InHand, Kind, Millis, Op, Payload, ProcessId, ProcessNo, Retry,
    Segment,
};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// The code of one process, in memory. Dropping it loses nothing: it can be
/// made again from the journal.
pub trait Activation: Send {
    /// Takes in one input and runs the code until it waits again.
    ///
    /// `expected` is what the journal holds after this input, if it is being
    /// replayed; `replaying` says that the journal goes on after that.
    fn apply(&mut self, at: Millis, input: &Event, expected: &[&Event], replaying: bool)
    -> Applied;

    /// The operations that wait for a message, with what they take, in order.
    fn receivers(&self) -> Vec<(Op, Filter)>;

    /// The operations whose outcome the code waits for, all of them.
    fn waiting(&self) -> Vec<Op>;

    /// How to run a step the code has asked for.
    fn step(&self, op: Op) -> Option<Attempt>;

    /// The number of the next operation.
    fn next_op(&self) -> Op;
}

/// What the code did with an input.
#[derive(Debug, Default)]
pub struct Applied {
    /// What it asked for, in order. The last may end the process or its
    /// segment.
    pub commands: Vec<Event>,
    /// The code was not waiting for this input.
    pub unexpected: bool,
    /// For the live stream.
    pub emitted: Vec<Payload>,
    /// What their budget has set aside for them, one for each that costs.
    pub holds: Vec<Hold>,
    /// What the commands are asked for; `None`: the process's own envelope.
    pub in_hand: Option<Arc<InHand>>,
}

/// Where a step waits before it begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepQueue {
    /// A queue's name; `None`: only its kind's own limit, if there is one.
    pub name: Option<String>,
    /// Higher is sooner.
    pub priority: u8,
    /// On whose behalf.
    pub tenant: String,
}

/// How to make one attempt of a step.
pub struct Attempt {
    /// Where it waits before it begins.
    pub queue: Option<Arc<StepQueue>>,
    /// When to try again.
    pub retry: Retry,
    /// How long an attempt may take.
    pub timeout: Option<Duration>,
    /// How long it may be silent.
    pub heartbeat_timeout: Option<Duration>,
    /// How often it has shown a sign of life.
    pub beats: Arc<dyn Fn() -> u64 + Send + Sync>,
    /// Runs it: key, attempt number, where live values go.
    pub run: AttemptRun,
}

/// What an attempt came to.
pub type StepResult = std::result::Result<Payload, Failure>;

/// Where a step's live values go.
pub type Emit = Arc<dyn Fn(Payload) + Send + Sync>;

/// Runs one attempt: key, attempt number, where live values go.
pub type AttemptRun =
    Arc<dyn Fn(Arc<str>, u32, Emit) -> BoxFuture<'static, StepResult> + Send + Sync>;

/// Tells the newest version of a kind.
pub type Newest = Arc<dyn Fn(&str) -> Option<Kind> + Send + Sync>;

/// What becomes of a message that is to be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// It can be sent.
    Open,
    /// The mailbox is full: its sender waits.
    Full,
    /// The mailbox is full, and its kind has nobody wait.
    Refused,
}

/// Tells which mailboxes have room.
pub trait Doors: Send + Sync {
    /// What becomes of a message under this topic.
    fn room(&self, to: &ProcessId, topic: &str) -> Room;

    /// A mailbox that was full when this process last published to it, and still is:
    /// it is to wait before it publishes more.
    fn spilled(&self, publisher: &ProcessId) -> Option<ProcessId>;
}

/// For code that runs here.
pub type HasRoom = Arc<dyn Doors>;

/// Runs an ephemeral process, and all it spawns, to its end.
pub type RunEphemeral = Arc<dyn Fn(EphemeralRequest) -> BoxFuture<'static, Exit> + Send + Sync>;

/// An ephemeral process to run for a durable one.
pub struct EphemeralRequest {
    /// Its kind.
    pub kind: String,
    /// The argument of its code.
    pub input: Payload,
    /// The durable process.
    pub parent: ProcessId,
    /// What it is done for.
    pub envelope: InHand,
    /// What pays for what it sends.
    pub(crate) accounts: Arc<Accounts>,
    /// It is started again in its place when it fails: how often in how long.
    pub restarts: Option<(u32, Duration)>,
    /// Where live values go.
    pub emit: Emit,
}

/// What a fresh activation is made from.
pub struct NewActivation {
    /// The process.
    pub id: ProcessId,
    /// Its number in this store.
    pub no: ProcessNo,
    /// Reservations that are not its own any more: of what it takes out of them it
    /// gets nothing back.
    pub used_up: BTreeSet<Op>,
    /// The names its history ran under before each fork in it, oldest first.
    pub earlier: Vec<ProcessId>,
    /// Its segment's beginning.
    pub segment: Segment,
    /// When the segment began.
    pub at: Millis,
    /// Tells the newest version of a kind, for spawns.
    pub newest: Newest,
    /// Tells whether a mailbox has room.
    pub has_room: HasRoom,
    /// What pays for what it does.
    pub(crate) accounts: Arc<Accounts>,
    /// Runs its ephemeral children.
    pub ephemeral: RunEphemeral,
}
