//! Asking a person.

use super::core::{OnTimer, Outcome};
use super::operation::{Operation, bad_payload, read_value};
use super::side::Side;
use crate::ephemeral::no_journal;
use greenroom_model::{AskSpec, Error, Event, Failure, Origin, Payload};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::future::IntoFuture;
use std::marker::PhantomData;
use std::time::Duration;

/// A question about to be asked. Await it for the answer, which may take days
/// and costs no memory meanwhile.
#[must_use = "an ask does nothing until it is awaited"]
pub struct Ask<T> {
    side: Side,
    name: String,
    question: String,
    choices: Vec<String>,
    deadline: Option<Duration>,
    default: Option<Result<Payload, Error>>,
    value: PhantomData<fn() -> T>,
}

impl<T> Ask<T> {
    pub(crate) fn new(side: &Side, name: &str, question: String) -> Ask<T> {
        Ask {
            side: side.clone(),
            name: name.to_owned(),
            question,
            choices: Vec::new(),
            deadline: None,
            default: None,
            value: PhantomData,
        }
    }

    /// The only answers allowed, each a string. Others are refused when given.
    pub fn choices<S: Into<String>>(mut self, choices: impl IntoIterator<Item = S>) -> Self {
        self.choices = choices.into_iter().map(Into::into).collect();
        self
    }

    /// How long to wait. Then the [`default`](Ask::default) is taken, or the
    /// ask fails as `timeout`.
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.deadline = Some(limit);
        self
    }

    /// The answer if nobody gives one in time.
    pub fn default<D: Serialize + ?Sized>(mut self, value: &D) -> Self {
        self.default = Some(Payload::of(value));
        self
    }
}

/// An answer, and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer<T> {
    /// What was answered.
    pub value: T,
    /// Who answered; `None`: nobody did in time, and the default was taken.
    pub by: Option<Origin>,
}

impl<T: DeserializeOwned + 'static> Ask<T> {
    /// Waits for the answer and tells who gave it.
    pub fn answer(self) -> Operation<Answer<T>> {
        self.begin(|outcome| {
            let by = match &outcome {
                Outcome::Message { from, .. } => Some(from.clone()),
                _ => None,
            };
            Ok(Answer { value: read_value(outcome)?, by })
        })
    }

    fn begin<R>(
        self,
        read: impl FnOnce(Outcome) -> Result<R, Failure> + Send + 'static,
    ) -> Operation<R> {
        let Ask { side, name, question, choices, deadline, default, .. } = self;
        let core = match side {
            Side::Durable(core) => core,
            Side::Ephemeral(address) => return Operation::refused(address, no_journal("an ask")),
        };
        Operation::new(
            &core,
            move |core| {
                let default = default.transpose().map_err(|error| bad_payload(&error))?;
                let op = core.number();
                let deadline = deadline.map(|limit| core.now.after(limit));
                let late = format!("nobody answered `{name}` in time");
                let ask = AskSpec { name, question, choices, deadline, default: default.clone() };
                core.ask(Event::AskOpened { op, ask: Box::new(ask) });
                core.wait(op, true);
                if let Some(fire_at) = deadline {
                    let on_timer = match default {
                        Some(value) => OnTimer::TakesDefault(value),
                        None => OnTimer::TimesOut(late),
                    };
                    core.limit(op, fire_at, on_timer);
                }
                Ok(op)
            },
            read,
        )
    }
}

impl<T: DeserializeOwned + 'static> IntoFuture for Ask<T> {
    type Output = Result<T, Failure>;
    type IntoFuture = Operation<T>;

    fn into_future(self) -> Operation<T> {
        self.begin(read_value)
    }
}
