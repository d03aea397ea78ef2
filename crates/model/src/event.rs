//! The events of a journal: what came to a process (inputs) and what its code
//! asked for in answer (commands).
//!
//! A journal strictly alternates: an input, then the commands the code issued
//! when it saw that input. Replay feeds the inputs and compares the commands.
//! The names are part of the journal's format: they may be added to, never
//! changed. Fields may be added with a default.

use crate::budget::{Budget, Spend};
use crate::queue::Queued;
use crate::supervisor::{RestartFrom, RestartType};
use crate::{
    AskSpec, Audience, Carried, Envelope, Exit, Failure, Kind, Lookup, Message, Millis, Op, Origin,
    Payload, Place, ProcessId, ProcessNo, ReplyTo, Seq, Standing, Stop,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One event. In the journal it is JSON of the shape `{"StepStarted":{…}}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are named after what they hold")]
pub enum Event {
    // ---- inputs: the code is run after each ----
    /// The process began, or a fresh restart began it again.
    WorkflowStarted(Box<Segment>),
    /// It ended a segment by `continue_as_new` and begins the next.
    WorkflowContinued(Box<Segment>),
    /// A step's attempt succeeded.
    StepCompleted { op: Op, attempt: u32, result: Payload },
    /// A step failed for good: the code gets the failure.
    StepFailed { op: Op, attempt: u32, failure: Failure },
    /// An attempt failed and another will follow at `retry_at`.
    StepRetrying { op: Op, attempt: u32, failure: Failure, retry_at: Millis },
    /// Another attempt begins: after a wait, or by a process that was restarted
    /// or forked and has not begun this step itself. One that is queued lines
    /// up again.
    StepRetried { op: Op, attempt: u32 },
    /// The queue has let in a step that stood in it: this attempt begins.
    StepAdmitted { op: Op, attempt: u32 },
    /// The node died during this attempt: whether it took effect is unknown.
    /// An at-most-once step ends here; any other is attempted again, unless a
    /// `StepFailed` follows since its policy's attempts are used up.
    StepUnknown { op: Op, attempt: u32 },
    /// A timer came due.
    TimerFired { op: Op },
    /// A message was taken from the mailbox by the waiting operation `op`.
    MessageReceived {
        op: Op,
        from: Origin,
        topic: String,
        body: Payload,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reply_to: Option<Box<ReplyTo>>,
        /// Where it is not that of the process itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        envelope: Option<Box<Envelope>>,
    },
    /// There is room for what the operation `op` has to send, and its budget pays
    /// for it.
    SendUnblocked { op: Op },
    /// A call was answered, or cannot be.
    ReplyReceived { op: Op, result: Result<Payload, Failure> },
    /// A process that is monitored or was spawned has ended.
    ProcessExited { op: Op, id: ProcessId, exit: Exit },
    /// The waiting operation `op` took the news that a child has ended.
    ExitReceived { op: Op, id: ProcessId, exit: Exit },
    /// Someone asked the process to stop. What it waits for fails as cancelled.
    CancelRequested {
        reason: String,
        by: Origin,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stop: Option<Stop>,
        /// Its children were asked as well.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        tree: bool,
        /// A linked process has ended: the exit to end with.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        exit: Option<Box<Exit>>,
    },
    /// Another process has linked itself to this one.
    LinkReceived { by: ProcessId },
    /// Its supervisor ends it without a word.
    KillRequested { reason: String, by: Origin, stop: Stop },
    /// It had ended and was kept for a restart; there will be none.
    Released { by: Origin },
    /// Effects are held back from here on.
    Paused { by: Origin },
    /// Effects go on, or a parked process is tried again.
    Resumed { by: Origin },
    /// Events after `keep` no longer count; the code runs on from there.
    /// `crashes`: the failures the process has ended with while it handled the
    /// last message before `keep`; with `poison`, the one after `keep`, which
    /// has gone to the dead letters. `first_op`: operations are numbered from
    /// there, so that nothing new gets the key of something that was done.
    Restarted {
        keep: Seq,
        by: Origin,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        crashes: Vec<Failure>,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        poison: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        first_op: Option<Op>,
        /// The same, as soon as the next message is taken: a message that was taken
        /// back with its operations does not come again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message_op: Option<Op>,
        /// Reservations whose settlement is taken back, and stands all the same.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        settled: Vec<Op>,
    },
    /// This journal up to here is a copy of another's.
    Forked { from: ProcessId, at: Seq, seed: u64, by: Origin },
    /// The code cannot go on until a person or a deploy helps.
    Parked { failure: Failure },

    // ---- commands: what the code asked for ----
    /// A step is to run.
    StepStarted {
        op: Op,
        name: String,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        at_most_once: bool,
        /// It stands in a queue, and has not begun before it is admitted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        queue: Option<Box<Queued>>,
    },
    /// A timer is set: a sleep, or the limit of what `op` waits for.
    TimerStarted { op: Op, fire_at: Millis },
    /// The code no longer waits for this operation (it lost a `select`, say).
    OperationDropped { op: Op },
    /// A message was sent. With `call`, `op` waits for the reply. `deadline`: one
    /// sooner than that of the message in hand.
    MessageSent {
        op: Op,
        to: ProcessId,
        topic: String,
        body: Payload,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        call: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deadline: Option<Millis>,
    },
    /// `op` has something to send to `to`, whose mailbox is full, or for which this
    /// turn is.
    SendBlocked { op: Op, to: ProcessId, topic: String },
    /// A message was not sent: the mailbox is full, and nobody waits for room.
    SendRefused { op: Op, to: ProcessId, topic: String },
    /// The budget that pays for what `op` is to do is used up; it waits for more.
    SpendBlocked { op: Op, need: Box<Need> },
    /// The budget that pays for what `op` was to do is used up, and nobody waits.
    SpendRefused { op: Op, need: Box<Need> },
    /// So much was used up, apart from messages, and so much given back.
    BudgetSpent {
        op: Op,
        #[serde(default, skip_serializing_if = "Spend::is_zero")]
        spent: Spend,
        #[serde(default, skip_serializing_if = "Spend::is_zero")]
        back: Spend,
        /// It is paid in advance, and will be settled.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        open: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        settles: Option<Box<Settles>>,
    },
    /// A call was answered.
    ReplySent { op: Op, to: ReplyTo, result: Result<Payload, Failure> },
    /// A child was started; `op` hears of its end unless it is detached.
    ProcessSpawned {
        op: Op,
        id: ProcessId,
        kind: Kind,
        input: Payload,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        detached: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        supervised: Option<Terms>,
        /// What it is given for all it does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        given: Option<Box<Given>>,
    },
    /// A child that has ended is started again.
    ChildRestarted {
        op: Op,
        id: ProcessId,
        from: RestartFrom,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kind: Option<Kind>,
    },
    /// A child was asked to stop, or is let go for good.
    ChildStopped {
        op: Op,
        id: ProcessId,
        reason: String,
        stop: Stop,
        /// With its own children.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        tree: bool,
    },
    /// A child is ended without a word.
    ChildKilled { op: Op, id: ProcessId, reason: String, stop: Stop },
    /// A child was not started: this node had no code of that kind. Recorded, so
    /// that replay takes the same way once the kind is there.
    SpawnRefused { op: Op, id: ProcessId },
    /// `op` wants to hear of the end of `target`.
    MonitorStarted { op: Op, target: ProcessId },
    /// It shares its end with `target`.
    Linked { op: Op, target: ProcessId },
    /// It no longer does.
    Unlinked { op: Op, target: ProcessId },
    /// Whether the ends of linked processes come as messages.
    TrapExitSet { on: bool },
    /// It is to be found there; for a name, `op` hears whether it is.
    PlaceTaken { op: Op, place: Place },
    /// It is no longer to be found there.
    PlaceLeft { op: Op, place: Place },
    /// `op` waits for what the store knows.
    LookupStarted { op: Op, lookup: Lookup },
    /// Something is published; `op` hears how many were told. `after`: those
    /// up to this one have been told before.
    Published {
        op: Op,
        to: Audience,
        topic: String,
        body: Payload,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<ProcessNo>,
        /// So many can be paid for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at_most: Option<u32>,
    },
    /// Another process was asked to stop.
    CancelSent {
        op: Op,
        target: ProcessId,
        reason: String,
        /// Its children, and theirs, are asked as well.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        tree: bool,
    },
    /// A person is asked.
    AskOpened { op: Op, ask: Box<AskSpec> },
    /// State that queries may read was set.
    StateSet { key: String, value: Payload },
    /// The code has this version of a named change.
    VersionMarked { change: String, version: u32 },
    /// The code has failed with this, and what was done is being undone.
    CompensationsStarted { failure: Failure },
    /// It ended with a result.
    WorkflowCompleted { result: Payload },
    /// It ended without one.
    WorkflowFailed { exit: Exit },
}

/// What a segment of a journal begins with: all that replay needs to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// The code.
    pub kind: Kind,
    /// Its argument.
    pub input: Payload,
    /// Where `random` and `uuid` start.
    pub seed: u64,
    /// The number of the segment's first operation.
    pub first_op: Op,
    /// The state that queries may read, as it stood.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub state: BTreeMap<String, Payload>,
    /// Who started the process, and the request it all goes back to.
    pub origin: Origin,
    /// The root of the tree of causes.
    pub root: String,
    /// Its supervisor, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supervised: Option<Supervised>,
    /// It supervises others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub supervises: bool,
    /// It stays on this version of its kind when it continues as new.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pinned: bool,
    /// What it was to others.
    #[serde(default, skip_serializing_if = "Standing::is_empty")]
    pub standing: Standing,
    /// Messages and spawns between the root and it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub hops: u32,
    /// The rest of its own envelope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carried: Option<Box<Carried>>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(hops: &u32) -> bool {
    *hops == 0
}

/// How much a child may do, and until when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// From then on nobody wants it done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Millis>,
    /// Set aside from the parent's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
}

/// The reservation that is settled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settles {
    /// The operation that made it.
    pub of: Op,
    /// Whose budget paid for it, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<ProcessId>,
}

/// What an operation has to pay for before it goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Need {
    /// Whose budget pays.
    pub account: ProcessId,
    /// How much.
    pub spend: Spend,
}

/// A process's place under its supervisor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Supervised {
    /// Who hears of its end.
    pub by: ProcessId,
    /// Whether it is kept for a restart when it ends.
    pub restart: RestartType,
}

/// What a child is started under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Whether it is kept for a restart when it ends.
    pub restart: RestartType,
    /// Where a restart takes it, if it is there already and has ended.
    pub from: RestartFrom,
}

impl Event {
    /// Whether it came to the process, rather than from its code.
    pub fn is_input(&self) -> bool {
        use Event::*;
        matches!(
            self,
            WorkflowStarted(_)
                | WorkflowContinued(_)
                | StepCompleted { .. }
                | StepFailed { .. }
                | StepRetrying { .. }
                | StepRetried { .. }
                | StepAdmitted { .. }
                | StepUnknown { .. }
                | TimerFired { .. }
                | MessageReceived { .. }
                | SendUnblocked { .. }
                | ReplyReceived { .. }
                | ProcessExited { .. }
                | ExitReceived { .. }
                | CancelRequested { .. }
                | LinkReceived { .. }
                | KillRequested { .. }
                | Released { .. }
                | Paused { .. }
                | Resumed { .. }
                | Restarted { .. }
                | Forked { .. }
                | Parked { .. }
        )
    }

    /// Whether the code is run when it comes. The other inputs change only
    /// what the runtime does for the code.
    pub fn wakes_code(&self) -> bool {
        use Event::*;
        self.is_input()
            && !matches!(
                self,
                StepRetrying { .. }
                    | StepRetried { .. }
                    | StepAdmitted { .. }
                    | LinkReceived { .. }
                    | KillRequested { .. }
                    | Released { .. }
                    | Paused { .. }
                    | Resumed { .. }
                    | Restarted { .. }
                    | Forked { .. }
                    | Parked { .. }
            )
    }

    /// Whether a segment begins here.
    pub fn segment(&self) -> Option<&Segment> {
        match self {
            Event::WorkflowStarted(segment) | Event::WorkflowContinued(segment) => Some(segment),
            _ => None,
        }
    }

    /// Whether the process has ended with it.
    pub fn is_end(&self) -> bool {
        matches!(self, Event::WorkflowCompleted { .. } | Event::WorkflowFailed { .. })
    }

    /// The event's name, as in the journal.
    pub fn name(&self) -> &'static str {
        use Event::*;
        match self {
            WorkflowStarted(_) => "WorkflowStarted",
            WorkflowContinued(_) => "WorkflowContinued",
            StepCompleted { .. } => "StepCompleted",
            StepFailed { .. } => "StepFailed",
            StepRetrying { .. } => "StepRetrying",
            StepRetried { .. } => "StepRetried",
            StepAdmitted { .. } => "StepAdmitted",
            StepUnknown { .. } => "StepUnknown",
            TimerFired { .. } => "TimerFired",
            MessageReceived { .. } => "MessageReceived",
            SendUnblocked { .. } => "SendUnblocked",
            ReplyReceived { .. } => "ReplyReceived",
            ProcessExited { .. } => "ProcessExited",
            ExitReceived { .. } => "ExitReceived",
            CancelRequested { .. } => "CancelRequested",
            KillRequested { .. } => "KillRequested",
            Released { .. } => "Released",
            Paused { .. } => "Paused",
            Resumed { .. } => "Resumed",
            Restarted { .. } => "Restarted",
            Forked { .. } => "Forked",
            Parked { .. } => "Parked",
            StepStarted { .. } => "StepStarted",
            TimerStarted { .. } => "TimerStarted",
            OperationDropped { .. } => "OperationDropped",
            MessageSent { .. } => "MessageSent",
            SendBlocked { .. } => "SendBlocked",
            SendRefused { .. } => "SendRefused",
            SpendBlocked { .. } => "SpendBlocked",
            SpendRefused { .. } => "SpendRefused",
            BudgetSpent { .. } => "BudgetSpent",
            ReplySent { .. } => "ReplySent",
            ProcessSpawned { .. } => "ProcessSpawned",
            ChildRestarted { .. } => "ChildRestarted",
            ChildStopped { .. } => "ChildStopped",
            ChildKilled { .. } => "ChildKilled",
            SpawnRefused { .. } => "SpawnRefused",
            MonitorStarted { .. } => "MonitorStarted",
            LinkReceived { .. } => "LinkReceived",
            Linked { .. } => "Linked",
            Unlinked { .. } => "Unlinked",
            TrapExitSet { .. } => "TrapExitSet",
            PlaceTaken { .. } => "PlaceTaken",
            PlaceLeft { .. } => "PlaceLeft",
            LookupStarted { .. } => "LookupStarted",
            Published { .. } => "Published",
            CancelSent { .. } => "CancelSent",
            AskOpened { .. } => "AskOpened",
            StateSet { .. } => "StateSet",
            VersionMarked { .. } => "VersionMarked",
            CompensationsStarted { .. } => "CompensationsStarted",
            WorkflowCompleted { .. } => "WorkflowCompleted",
            WorkflowFailed { .. } => "WorkflowFailed",
        }
    }

    /// The operation it belongs to, if it belongs to one.
    pub fn op(&self) -> Option<Op> {
        use Event::*;
        match self {
            StepCompleted { op, .. }
            | StepFailed { op, .. }
            | StepRetrying { op, .. }
            | StepRetried { op, .. }
            | StepAdmitted { op, .. }
            | StepUnknown { op, .. }
            | TimerFired { op }
            | MessageReceived { op, .. }
            | SendUnblocked { op }
            | ReplyReceived { op, .. }
            | ProcessExited { op, .. }
            | ExitReceived { op, .. }
            | ChildRestarted { op, .. }
            | ChildStopped { op, .. }
            | ChildKilled { op, .. }
            | StepStarted { op, .. }
            | TimerStarted { op, .. }
            | OperationDropped { op }
            | MessageSent { op, .. }
            | SendBlocked { op, .. }
            | SendRefused { op, .. }
            | SpendBlocked { op, .. }
            | SpendRefused { op, .. }
            | BudgetSpent { op, .. }
            | ReplySent { op, .. }
            | ProcessSpawned { op, .. }
            | SpawnRefused { op, .. }
            | MonitorStarted { op, .. }
            | Linked { op, .. }
            | Unlinked { op, .. }
            | PlaceTaken { op, .. }
            | PlaceLeft { op, .. }
            | LookupStarted { op, .. }
            | Published { op, .. }
            | CancelSent { op, .. }
            | AskOpened { op, .. } => Some(*op),
            _ => None,
        }
    }

    /// What it takes out of the budget of whoever it is done for.
    pub fn cost(&self) -> Option<Spend> {
        match self {
            Event::MessageSent { .. } => Some(Spend::messages(1)),
            Event::ProcessSpawned { given, .. } => {
                let budget = given.as_ref().and_then(|given| given.budget);
                let set_aside = budget.map_or_else(Spend::default, |budget| budget.whole());
                Some(set_aside.plus(Spend::messages(1)))
            }
            Event::Published { at_most, .. } => Some(Spend::messages(at_most.map_or(0, u64::from))),
            Event::BudgetSpent { spent, .. } => Some(*spent),
            _ => None,
        }
    }

    /// What it gives back of it.
    pub fn gives_back(&self) -> Spend {
        match self {
            Event::BudgetSpent { back, .. } => *back,
            _ => Spend::default(),
        }
    }

    /// Every payload in it, for moving large ones to the blob store and back.
    pub fn payloads_mut(&mut self, visit: &mut dyn FnMut(&mut Payload)) {
        use Event::*;
        match self {
            WorkflowStarted(segment) | WorkflowContinued(segment) => {
                visit(&mut segment.input);
                segment.state.values_mut().for_each(visit);
            }
            StepCompleted { result, .. } | WorkflowCompleted { result } => visit(result),
            MessageReceived { body, .. } | MessageSent { body, .. } | Published { body, .. } => {
                visit(body);
            }
            CancelRequested { exit: Some(exit), .. } => exit.payloads_mut(visit),
            ReplyReceived { result: Ok(result), .. } | ReplySent { result: Ok(result), .. } => {
                visit(result);
            }
            ProcessExited { exit, .. } | ExitReceived { exit, .. } | WorkflowFailed { exit } => {
                exit.payloads_mut(visit)
            }
            ProcessSpawned { input, .. } => visit(input),
            AskOpened { ask, .. } => ask.payloads_mut(visit),
            StateSet { value, .. } => visit(value),
            StepFailed { .. }
            | StepRetrying { .. }
            | StepRetried { .. }
            | StepAdmitted { .. }
            | StepUnknown { .. }
            | TimerFired { .. }
            | ReplyReceived { result: Err(_), .. }
            | ReplySent { result: Err(_), .. }
            | CancelRequested { .. }
            | KillRequested { .. }
            | Released { .. }
            | ChildRestarted { .. }
            | ChildStopped { .. }
            | ChildKilled { .. }
            | Paused { .. }
            | Resumed { .. }
            | Restarted { .. }
            | Forked { .. }
            | Parked { .. }
            | StepStarted { .. }
            | TimerStarted { .. }
            | OperationDropped { .. }
            | SendBlocked { .. }
            | SendUnblocked { .. }
            | SendRefused { .. }
            | SpendBlocked { .. }
            | SpendRefused { .. }
            | BudgetSpent { .. }
            | SpawnRefused { .. }
            | MonitorStarted { .. }
            | LinkReceived { .. }
            | Linked { .. }
            | Unlinked { .. }
            | TrapExitSet { .. }
            | PlaceTaken { .. }
            | PlaceLeft { .. }
            | LookupStarted { .. }
            | CancelSent { .. }
            | VersionMarked { .. }
            | CompensationsStarted { .. } => {}
        }
    }

    /// The input a message becomes when operation `op` of a process of this root
    /// and so many hops takes it.
    pub fn received(op: Op, message: &Message, root: &str, hops: u32) -> Option<Event> {
        match &message.content {
            crate::Content::Exited { id, exit, .. } | crate::Content::ExitSignal { id, exit } => {
                Some(Event::ExitReceived { op, id: id.clone(), exit: exit.clone() })
            }
            crate::Content::User { topic, body, reply_to, .. } => Some(Event::MessageReceived {
                op,
                from: message.from.clone(),
                topic: topic.clone(),
                body: body.clone(),
                reply_to: reply_to.clone().map(Box::new),
                envelope: message.envelope(root, hops),
            }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_stays_small() {
        assert!(size_of::<Event>() <= 128, "{}", size_of::<Event>());
    }
}
