//! Producers of demand-driven stages: events go out as they are asked for.

use super::handle::Ctx;
use super::operation::{Operation, payload};
use super::receive::Received;
pub(super) use greenroom_model::stage::{ASK, LEAVE};
use greenroom_model::stage::{Dispatch, Dispatcher};
use greenroom_model::{Exit, Failure, Origin, Payload, ProcessId};
use serde::{Deserialize, Serialize};
use std::future::{Future, IntoFuture, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

/// Some events, in order.
pub(super) const EVENTS: &str = "stage.events";

/// What a consumer asks for.
#[derive(Serialize, Deserialize)]
pub(super) struct Asked {
    pub count: u64,
    /// For the first time.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub subscribes: bool,
    /// Since the producer has begun.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
}

/// What a producer says when it begins: whoever is restarted knows of nobody, or
/// of what was before.
pub(super) const BEGAN: &str = "stage.began";

/// The group of those who are told.
pub(super) fn audience(producer: &ProcessId) -> String {
    format!("stage:{producer}")
}

/// The producing side of a process: consumers subscribe with
/// [`Ctx::consume`], and get no more events than they ask for.
///
/// Events are messages, so each arrives exactly once and in order, whatever
/// crashes. The stream ends when the process does. While it produces, it must
/// take no message of the topics `stage.*` itself.
pub struct Producer {
    ctx: Ctx,
    dispatch: Dispatch,
    /// It has said that it begins.
    began: bool,
    /// Consumers may end without a word.
    exits: Vec<(ProcessId, Operation<Exit>)>,
}

enum Heard {
    Message(Result<Received, Failure>),
    Ended(Result<usize, Failure>),
}

impl Ctx {
    /// Makes this process a producer of events.
    ///
    /// # Errors
    /// `needs_journal` in an ephemeral process.
    pub fn produce(&self, dispatcher: Dispatcher) -> Result<Producer, Failure> {
        self.produce_on(Dispatch::new(dispatcher))
    }

    /// Goes on producing after a `continue_as_new`, with the
    /// [`state`](Producer::state) that was passed on.
    ///
    /// # Errors
    /// As [`produce`](Ctx::produce).
    pub fn produce_on(&self, mut state: Dispatch) -> Result<Producer, Failure> {
        self.core("`produce`")?;
        state.begin();
        let watched = state.consumers().map(|consumer| (consumer.clone(), self.monitor(consumer)));
        let exits = watched.collect();
        Ok(Producer { ctx: self.clone(), dispatch: state, began: false, exits })
    }
}

impl Producer {
    /// Who asks for how many: what to pass on by `continue_as_new`.
    pub fn state(&self) -> &Dispatch {
        &self.dispatch
    }

    /// Waits until so many consumers have subscribed: a broadcast reaches those
    /// of whom the producer has heard.
    pub async fn until_consumers(&mut self, count: usize) -> Result<(), Failure> {
        while self.dispatch.heard() < count {
            self.hear().await?;
        }
        Ok(())
    }

    /// Waits until events are asked for, and says how many. Consumers that come
    /// or leave meanwhile are heard of when nothing is asked for any more.
    pub async fn demand(&mut self) -> Result<u64, Failure> {
        self.begin().await?;
        self.note_ends().await?;
        loop {
            match self.dispatch.demand() {
                0 => self.hear().await?,
                count => return Ok(count),
            }
        }
    }

    /// Sends an event, once it is asked for.
    pub fn emit<T: Serialize + ?Sized>(
        &mut self,
        event: &T,
    ) -> impl Future<Output = Result<(), Failure>> + Send {
        let event = payload(event);
        async move { self.send(vec![event?]).await }
    }

    /// Sends events in their order, each once it is asked for; those that are
    /// asked for together go in one message.
    pub fn emit_all<T: Serialize>(
        &mut self,
        events: &[T],
    ) -> impl Future<Output = Result<(), Failure>> + Send {
        let events: Result<Vec<Payload>, Failure> = events.iter().map(payload).collect();
        async move { self.send(events?).await }
    }

    async fn send(&mut self, events: Vec<Payload>) -> Result<(), Failure> {
        let mut next = 0;
        while next < events.len() {
            let fits = usize::try_from(self.demand().await?).unwrap_or(usize::MAX);
            let end = events.len().min(next.saturating_add(fits));
            for share in self.dispatch.dispatch(next..end) {
                let batch: Vec<&Payload> =
                    share.events.iter().filter_map(|place| events.get(*place)).collect();
                self.ctx.send(&share.to, EVENTS, &batch).await?;
            }
            next = end;
        }
        Ok(())
    }

    /// Tells those who have subscribed that it begins, maybe once more.
    async fn begin(&mut self) -> Result<(), Failure> {
        if !std::mem::replace(&mut self.began, true) {
            let audience = audience(&self.ctx.id());
            self.ctx.publish_to_group(&audience, BEGAN, &()).await?;
        }
        Ok(())
    }

    /// Waits for one thing a consumer says, or its end.
    async fn hear(&mut self) -> Result<(), Failure> {
        self.begin().await?;
        let mut message = self.ctx.recv().topic(ASK).topic(LEAVE).into_future();
        let exits = &mut self.exits;
        let heard = poll_fn(|context| {
            if let Poll::Ready(got) = Pin::new(&mut message).poll(context) {
                return Poll::Ready(Heard::Message(got));
            }
            match first_end(exits, context) {
                Some(place) => Poll::Ready(Heard::Ended(place)),
                None => Poll::Pending,
            }
        });
        match heard.await {
            Heard::Ended(place) => self.ended(place?),
            Heard::Message(message) => self.told(&message?),
        }
        Ok(())
    }

    fn told(&mut self, message: &Received) {
        let Origin::Process(consumer) = &message.from else { return };
        if message.topic.as_str() == LEAVE {
            self.dispatch.leave(consumer);
            self.exits.retain(|(known, _)| known != consumer);
            return;
        }
        match message.read() {
            Ok(Asked { count, subscribes: true, again }) => {
                let is_new = match again {
                    true => self.dispatch.resubscribe(consumer, count),
                    false => self.dispatch.subscribe(consumer, count),
                };
                if is_new {
                    self.exits.push((consumer.clone(), self.ctx.monitor(consumer)));
                }
            }
            Ok(Asked { count, subscribes: false, .. }) => self.dispatch.ask(consumer, count),
            // Nobody this module has written.
            Err(_) => {}
        }
    }

    /// Sends nothing to those of whose end it could have heard.
    async fn note_ends(&mut self) -> Result<(), Failure> {
        while let Some(place) =
            poll_fn(|context| Poll::Ready(first_end(&mut self.exits, context))).await
        {
            self.ended(place?);
        }
        Ok(())
    }

    fn ended(&mut self, place: usize) {
        let (consumer, _) = self.exits.remove(place);
        self.dispatch.leave(&consumer);
    }
}

/// The first of those that have ended; or that this process is cancelled.
fn first_end(
    exits: &mut [(ProcessId, Operation<Exit>)],
    context: &mut Context<'_>,
) -> Option<Result<usize, Failure>> {
    let mut exits = exits.iter_mut().enumerate();
    exits.find_map(|(place, (_, exit))| match Pin::new(exit).poll(context) {
        Poll::Ready(ended) => Some(ended.map(|_| place)),
        Poll::Pending => None,
    })
}
