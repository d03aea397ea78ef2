//! Consumers of demand-driven stages: they ask for events, and get no more.

use super::handle::Ctx;
use super::operation::{Operation, bad_payload};
use super::produce::{ASK, Asked, BEGAN, EVENTS, LEAVE, audience};
use super::receive::Received;
use greenroom_model::stage::Demand;
use greenroom_model::{Exit, Failure, Payload, ProcessId, failure};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::future::{Future, IntoFuture, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

/// How long to look for what came before the producer's end, which overtakes
/// it: all of that is in the mailbox already.
const LEFT: Duration = Duration::from_millis(1);

/// The consuming side of a process, of one producer.
pub struct Consumer {
    ctx: Ctx,
    state: Consuming,
    exit: Operation<Exit>,
    ended: Option<Exit>,
}

/// What a consumer knows: what to pass on by `continue_as_new`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Consuming {
    producer: ProcessId,
    demand: Demand,
    /// Events that have come and were not taken yet.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    held: VecDeque<Payload>,
    /// The last event that was taken is being handled.
    handling: bool,
}

enum Heard {
    Events(Result<Received, Failure>),
    Ended(Result<Exit, Failure>),
}

impl Ctx {
    /// Subscribes to a producer (see [`produce`](Ctx::produce)), which must have
    /// been started: never more than the demand's most are on their way here or
    /// being handled.
    ///
    /// # Errors
    /// `bad_demand`; `needs_journal` in an ephemeral process.
    pub async fn consume(
        &self,
        producer: &ProcessId,
        mut demand: Demand,
    ) -> Result<Consumer, Failure> {
        demand.check().map_err(|words| Failure::fatal(failure::BAD_DEMAND, words))?;
        self.core("`consume`")?;
        self.join_group(&audience(producer))?;
        let asked = Asked { count: demand.begin(), subscribes: true, again: false };
        let (producer, held) = (producer.clone(), VecDeque::new());
        let state = Consuming { producer, demand, held, handling: false };
        let consumer = self.consume_on(state)?;
        self.send(&consumer.state.producer, ASK, &asked).await?;
        Ok(consumer)
    }

    /// Goes on consuming after a `continue_as_new`, with the
    /// [`state`](Consumer::state) that was passed on.
    ///
    /// # Errors
    /// `needs_journal` in an ephemeral process.
    pub fn consume_on(&self, state: Consuming) -> Result<Consumer, Failure> {
        self.core("`consume`")?;
        let exit = self.monitor(&state.producer);
        Ok(Consumer { ctx: self.clone(), state, exit, ended: None })
    }
}

impl Consumer {
    /// What to pass on by `continue_as_new`, after the last event was handled.
    pub fn state(&self) -> &Consuming {
        &self.state
    }

    /// The next event; `None` once the producer has ended with a result and all
    /// its events were taken. Asking for it says that the one before has been
    /// handled.
    ///
    /// # Errors
    /// `producer_ended` if it has ended otherwise, after its events.
    pub async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, Failure> {
        if std::mem::take(&mut self.state.handling)
            && let Some(count) = self.state.demand.handled()
            && self.ended.is_none()
        {
            let asked = Asked { count, subscribes: false, again: false };
            self.ctx.send(&self.state.producer, ASK, &asked).await?;
        }
        while self.state.held.is_empty() {
            match &self.ended {
                None => self.hear().await?,
                Some(exit) => {
                    let exit = exit.clone();
                    match self.left().await? {
                        Some(message) => self.take(&message)?,
                        None => return end(&self.state.producer, exit),
                    }
                }
            }
        }
        let Some(event) = self.state.held.pop_front() else { return Ok(None) };
        self.state.handling = true;
        event.read().map(Some).map_err(|error| bad_payload(&error))
    }

    /// Wants no more events. Those that are on their way stay in the mailbox.
    pub async fn leave(self) -> Result<(), Failure> {
        self.ctx.leave_group(&audience(&self.state.producer));
        self.ctx.send(&self.state.producer, LEAVE, &()).await
    }

    async fn hear(&mut self) -> Result<(), Failure> {
        let receive = self.ctx.recv().topic(EVENTS).topic(BEGAN).from(&self.state.producer);
        let (mut events, exit) = (receive.into_future(), &mut self.exit);
        let heard = poll_fn(|context| {
            if let Poll::Ready(got) = Pin::new(&mut events).poll(context) {
                return Poll::Ready(Heard::Events(got));
            }
            Pin::new(&mut *exit).poll(context).map(Heard::Ended)
        });
        match heard.await {
            Heard::Events(message) => {
                let message = message?;
                match message.topic.as_str() {
                    BEGAN => self.ask_again().await,
                    _ => self.take(&message),
                }
            }
            Heard::Ended(exit) => {
                self.ended = Some(exit?);
                Ok(())
            }
        }
    }

    /// The producer has begun, maybe once more: all that it sent before has come.
    async fn ask_again(&mut self) -> Result<(), Failure> {
        let held = self.state.held.len() as u64 + u64::from(self.state.handling);
        let count = self.state.demand.begin_again(held);
        let asked = Asked { count, subscribes: true, again: true };
        self.ctx.send(&self.state.producer, ASK, &asked).await
    }

    /// What came before the producer's end and was not taken yet.
    async fn left(&mut self) -> Result<Option<Received>, Failure> {
        let receive = self.ctx.recv().topic(EVENTS).from(&self.state.producer).timeout(LEFT);
        match receive.await {
            Ok(message) => Ok(Some(message)),
            Err(failure) if failure.is(failure::TIMEOUT) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    fn take(&mut self, message: &Received) -> Result<(), Failure> {
        self.state.held.extend(message.read::<Vec<Payload>>()?);
        Ok(())
    }
}

fn end<T>(producer: &ProcessId, exit: Exit) -> Result<Option<T>, Failure> {
    match exit {
        Exit::Normal(_) => Ok(None),
        exit => {
            let words = format!("the producer {producer} has ended: {exit}");
            Err(Failure::fatal(failure::PRODUCER_ENDED, words))
        }
    }
}
