//! What travels between ephemeral processes, and what they are made of.

use super::address::Address;
use futures_util::future::BoxFuture;
use greenroom_model::{Exit, Failure, Kind, Op, Payload, ProcessId, Topic};

/// A user message.
pub(crate) struct Envelope {
    pub from: ProcessId,
    pub topic: Topic,
    pub body: Payload,
    /// The sender waits for the reply under this number.
    pub call: Option<Op>,
}

/// A control message: never refused.
pub(crate) enum Control {
    Exited { wait: u32, exit: Exit },
    Reply { wait: u32, result: Result<Payload, Failure> },
    Cancel { reason: String },
}

/// A process's code under way.
pub(crate) type Work = BoxFuture<'static, Result<Payload, Failure>>;

/// A kind's code.
pub(crate) struct Code {
    pub kind: Kind,
    pub make: Box<dyn Fn(Address, Payload) -> Work + Send + Sync>,
}
