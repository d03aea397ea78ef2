//! Calls: a message and its reply.

use super::core::{Core, OnTimer, Unsent};
use super::operation::{Operation, bad_payload, read_value};
use super::side::Side;
use crate::ephemeral::{CallOut, Errand, no_journal};
use greenroom_model::{Envelope, Error, Failure, Millis, Payload, ProcessId};
use serde::de::DeserializeOwned;
use std::future::IntoFuture;
use std::marker::PhantomData;
use std::time::Duration;

/// A call about to be made. Await it for the reply.
///
/// Fails as `no_process` if the target does not exist or ends without
/// replying, as `timeout` if it takes too long, as `deadline` if nobody wants the
/// reply any more; by default it may take for ever.
#[must_use = "a call does nothing until it is awaited"]
pub struct Call<T> {
    side: Side,
    to: ProcessId,
    topic: String,
    body: Result<Payload, Error>,
    timeout: Option<Duration>,
    deadline: Option<Millis>,
    value: PhantomData<fn() -> T>,
}

impl<T> Call<T> {
    pub(crate) fn new(
        side: &Side,
        to: &ProcessId,
        topic: &str,
        body: Result<Payload, Error>,
    ) -> Call<T> {
        Call {
            side: side.clone(),
            to: to.clone(),
            topic: topic.to_owned(),
            body,
            timeout: None,
            deadline: None,
            value: PhantomData,
        }
    }

    /// How long to wait for the reply. A later reply is thrown away.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit);
        self
    }

    /// Until when the reply is wanted; what the other does for it has the same
    /// deadline, or a sooner one. Then the call fails as `deadline`. One that is
    /// later than that of the message in hand changes nothing.
    pub fn deadline(mut self, at: Millis) -> Self {
        self.deadline = Some(at);
        self
    }
}

impl<T: DeserializeOwned + 'static> IntoFuture for Call<T> {
    type Output = Result<T, Failure>;
    type IntoFuture = Operation<T>;

    fn into_future(self) -> Operation<T> {
        let Call { side, to, topic, body, timeout, deadline, .. } = self;
        let (core, body) = match (side, body) {
            (Side::Durable(core), body) => (core, body),
            (Side::Ephemeral(address), Err(error)) => {
                return Operation::refused(address, bad_payload(&error));
            }
            (Side::Ephemeral(address), Ok(_)) if deadline.is_some() => {
                return Operation::refused(address, no_journal("a call's deadline"));
            }
            (Side::Ephemeral(address), Ok(body)) => {
                let call = CallOut::new(&to, &topic, body, true, timeout);
                return Operation::errand(address, Errand::call(call), read_value);
            }
        };
        Operation::new(
            &core,
            move |core| {
                let body = body.map_err(|error| bad_payload(&error))?;
                let op = core.number();
                let limit = Limit::of(core, &to, &topic, timeout, deadline);
                core.send(op, Unsent { to, topic, body, call: true, deadline })?;
                if let Some(Limit { at, says }) = limit {
                    core.limit(op, at, says);
                }
                Ok(op)
            },
            read_value,
        )
    }
}

/// How long a call waits, and what it says then.
struct Limit {
    at: Millis,
    says: OnTimer,
}

impl Limit {
    fn of(
        core: &Core,
        to: &ProcessId,
        topic: &str,
        timeout: Option<Duration>,
        deadline: Option<Millis>,
    ) -> Option<Limit> {
        let late = timeout.map(|limit| core.now.after(limit));
        match (late, Envelope::sooner(deadline, core.deadline())) {
            (late, Some(deadline)) if late.is_none_or(|late| deadline < late) => {
                let words = format!("{to} did not reply to `{topic}` before the deadline");
                Some(Limit { at: deadline, says: OnTimer::TooLate(words) })
            }
            (late, _) => {
                let words = format!("{to} did not reply to `{topic}` in time");
                late.map(|at| Limit { at, says: OnTimer::TimesOut(words) })
            }
        }
    }
}
