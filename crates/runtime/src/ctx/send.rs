//! Calls: a message and its reply.

use super::core::{OnTimer, Unsent};
use super::operation::{Operation, bad_payload, read_value};
use super::side::Side;
use crate::ephemeral::{CallOut, Errand};
use greenroom_model::{Error, Failure, Payload, ProcessId};
use serde::de::DeserializeOwned;
use std::future::IntoFuture;
use std::marker::PhantomData;
use std::time::Duration;

/// A call about to be made. Await it for the reply.
///
/// Fails as `no_process` if the target does not exist or ends without
/// replying, as `timeout` if it takes too long; by default it may take for
/// ever.
#[must_use = "a call does nothing until it is awaited"]
pub struct Call<T> {
    side: Side,
    to: ProcessId,
    topic: String,
    body: Result<Payload, Error>,
    timeout: Option<Duration>,
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
            value: PhantomData,
        }
    }

    /// How long to wait for the reply. A later reply is thrown away.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit);
        self
    }
}

impl<T: DeserializeOwned + 'static> IntoFuture for Call<T> {
    type Output = Result<T, Failure>;
    type IntoFuture = Operation<T>;

    fn into_future(self) -> Operation<T> {
        let Call { side, to, topic, body, timeout, .. } = self;
        let (core, body) = match (side, body) {
            (Side::Durable(core), body) => (core, body),
            (Side::Ephemeral(address), Err(error)) => {
                return Operation::refused(address, bad_payload(&error));
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
                let late = format!("{to} did not reply to `{topic}` in time");
                core.send(op, Unsent { to, topic, body, call: true })?;
                if let Some(limit) = timeout {
                    core.limit(op, core.now.after(limit), OnTimer::TimesOut(late));
                }
                Ok(op)
            },
            read_value,
        )
    }
}
