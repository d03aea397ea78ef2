//! Taking messages from the mailbox.

use super::core::{OnTimer, Outcome};
use super::operation::{Operation, bad_payload, unexpected};
use super::side::Side;
use crate::ephemeral::{Errand, Selective};
use greenroom_model::{Failure, Filter, Origin, Payload, ProcessId, ReplyTo, Topic};
use serde::de::DeserializeOwned;
use std::future::IntoFuture;
use std::time::Duration;

/// A message taken from the mailbox.
#[derive(Clone, Debug)]
pub struct Received {
    /// Who sent it.
    pub from: Origin,
    /// Its topic.
    pub topic: Topic,
    /// What it says.
    pub body: Payload,
    pub(crate) reply_to: Option<ReplyTo>,
}

impl Received {
    /// Reads the body as `T`.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        self.body.read().map_err(|error| bad_payload(&error))
    }

    /// Whether the sender waits for a [`reply`](super::Ctx::reply).
    pub fn is_call(&self) -> bool {
        self.reply_to.is_some()
    }
}

/// A receive about to begin. Await it for the oldest message that fits; the
/// others stay in the mailbox, in order (OTP's selective receive).
#[must_use = "a receive does nothing until it is awaited"]
pub struct Recv {
    side: Side,
    /// `None` takes any.
    filter: Option<Box<Filter>>,
    timeout: Option<Duration>,
    /// Why it cannot begin.
    problem: Option<Failure>,
}

impl Recv {
    pub(crate) fn new(side: &Side) -> Recv {
        Recv { side: side.clone(), filter: None, timeout: None, problem: None }
    }

    fn filter(&mut self) -> &mut Filter {
        self.filter.get_or_insert_default()
    }

    /// One that fails when it is awaited, if there is a problem.
    pub(super) fn unless(self, problem: Option<Failure>) -> Recv {
        Recv { problem, ..self }
    }

    /// Takes only this topic, or topics of this pattern (`orders.*.created`);
    /// several calls allow several topics.
    pub fn topic(mut self, topic: &str) -> Self {
        self.filter().topics.push(topic.to_owned());
        self
    }

    /// Takes only messages of this process.
    pub fn from(mut self, process: &ProcessId) -> Self {
        self.filter().from = Some(process.clone());
        self
    }

    /// Takes only bodies with this value at this JSON pointer, such as
    /// `/order/id`.
    pub fn field(mut self, pointer: &str, value: impl Into<serde_json::Value>) -> Self {
        self.filter().field = Some((pointer.to_owned(), value.into()));
        self
    }

    /// What is done for the message is paid from this process's own budget, if it has
    /// one, whoever has sent it.
    pub fn pays_itself(mut self) -> Self {
        self.filter().pays_itself = true;
        self
    }

    /// How long to wait; then it fails as `timeout`.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit);
        self
    }
}

impl IntoFuture for Recv {
    type Output = Result<Received, Failure>;
    type IntoFuture = Operation<Received>;

    fn into_future(self) -> Operation<Received> {
        let Recv { side, filter, timeout, problem } = self;
        let core = match side {
            Side::Durable(core) => core,
            Side::Ephemeral(address) => {
                let selects = timeout.is_some() || filter.is_some();
                let selective =
                    selects.then(|| Box::new(Selective { filter, timeout, timer: None }));
                let receive = Errand::Receive { selective, since: None };
                return Operation::errand(address, receive, read_message);
            }
        };
        Operation::new(
            &core,
            move |core| {
                if let Some(problem) = problem {
                    return Err(problem);
                }
                let op = core.number();
                core.receive(op, filter.map(|filter| *filter).unwrap_or_default());
                if let Some(limit) = timeout {
                    let late = format!("no message came within {limit:?}");
                    core.limit(op, core.now.after(limit), OnTimer::TimesOut(late));
                }
                Ok(op)
            },
            read_message,
        )
    }
}

fn read_message(outcome: Outcome) -> Result<Received, Failure> {
    match outcome {
        Outcome::Message { from, topic, body, reply_to } => {
            Ok(Received { from, topic, body, reply_to })
        }
        Outcome::Value(Err(failure)) => Err(failure),
        other => Err(unexpected(&other)),
    }
}
