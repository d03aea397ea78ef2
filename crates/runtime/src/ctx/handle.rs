//! [`Ctx`]: the handle a process's code gets, and its simple operations.

use super::ask::Ask;
use super::child::Spawn;
use super::core::{Core, Outcome, Shared, lock};
use super::job::{Step, step_run};
use super::operation::{Operation, bad_payload, unexpected};
use super::receive::{Received, Recv};
use super::send::Call;
use super::step::StepCall;
use super::together::{Either, select};
use futures_util::future::{AbortHandle, abortable};
use greenroom_model::{
    Event, Exit, Failure, Filter, Kind, Millis, Op, Origin, Payload, ProcessId, failure,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::future::{Future, IntoFuture};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a process's code works with. Cheap to clone.
///
/// The code must be deterministic: everything from outside comes in through
/// these operations, so that running the code again over its journal takes it
/// to the same place. Await nothing else, spawn no tasks, read no clock.
#[derive(Clone)]
pub struct Ctx {
    core: Shared,
}

impl Ctx {
    pub(crate) fn new(core: Core) -> Ctx {
        Ctx { core: Arc::new(Mutex::new(core)) }
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.core
    }

    /// This process's id.
    pub fn id(&self) -> ProcessId {
        lock(&self.core).identity.id.clone()
    }

    /// The process that spawned this one.
    pub fn parent(&self) -> Option<ProcessId> {
        match &lock(&self.core).segment.origin {
            Origin::Process(parent) => Some(parent.clone()),
            _ => None,
        }
    }

    /// The kind and version this code runs as.
    pub fn kind(&self) -> Kind {
        lock(&self.core).segment.kind.clone()
    }

    /// The time: that of the turn, the same on replay, never going back.
    pub fn now(&self) -> Millis {
        lock(&self.core).now
    }

    /// A random number in `0.0..1.0`, the same on replay. Not for secrets.
    pub fn random(&self) -> f64 {
        lock(&self.core).chance.unit()
    }

    /// A random UUID, the same on replay. Not for secrets.
    pub fn uuid(&self) -> String {
        lock(&self.core).chance.uuid()
    }

    /// Calls the outside. `run` is called once per attempt; its result is
    /// recorded, and on replay taken from the journal without running it.
    ///
    /// A crash of the node during an attempt leaves the outcome unknown: the
    /// step is run again with the same [`Step::key`], unless it is
    /// [`at_most_once`](StepCall::at_most_once).
    pub fn step<T, E, F, Fut>(&self, name: &str, run: F) -> StepCall<T>
    where
        T: Serialize + DeserializeOwned + 'static,
        E: Into<Failure>,
        F: Fn(Step) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
    {
        StepCall::new(&self.core, name, step_run(run))
    }

    /// Waits at least this long, for seconds or for years. Costs no memory.
    pub fn sleep(&self, span: Duration) -> Operation<()> {
        Operation::new(
            &self.core,
            move |core| {
                let op = core.number();
                core.ask(Event::TimerStarted { op, fire_at: core.now.after(span) });
                core.wait(op, true);
                Ok(op)
            },
            |outcome| match outcome {
                Outcome::Fired => Ok(()),
                Outcome::Value(Err(failure)) => Err(failure),
                other => Err(unexpected(&other)),
            },
        )
    }

    /// Appends a message to the mailbox of `to`: exactly once, with this
    /// turn's commit. A message to nobody becomes a dead letter.
    pub fn send<T: Serialize + ?Sized>(
        &self,
        to: &ProcessId,
        topic: &str,
        body: &T,
    ) -> Result<(), Failure> {
        let body = Payload::of(body).map_err(|error| bad_payload(&error))?;
        let mut core = lock(&self.core);
        let op = core.number();
        core.ask(Event::MessageSent { op, to: to.clone(), topic: topic.into(), body, call: false });
        Ok(())
    }

    /// Sends a message and waits for its reply.
    pub fn call<T>(
        &self,
        to: &ProcessId,
        topic: &str,
        body: &(impl Serialize + ?Sized),
    ) -> Call<T> {
        Call::new(&self.core, to, topic, Payload::of(body))
    }

    /// Answers a message that came by `call`. Answering any other does
    /// nothing.
    pub fn reply<T: Serialize + ?Sized>(&self, to: &Received, value: &T) -> Result<(), Failure> {
        let value = Payload::of(value).map_err(|error| bad_payload(&error))?;
        self.answer(to, Ok(value));
        Ok(())
    }

    /// Answers a call with a failure.
    pub fn reply_failure(&self, to: &Received, failure: Failure) {
        self.answer(to, Err(failure));
    }

    fn answer(&self, to: &Received, result: Result<Payload, Failure>) {
        if let Some(reply_to) = &to.reply_to {
            let mut core = lock(&self.core);
            let op = core.number();
            core.ask(Event::ReplySent { op, to: reply_to.clone(), result });
        }
    }

    /// Takes the next message from the mailbox, oldest first.
    pub fn recv(&self) -> Recv {
        Recv::new(&self.core, Filter::default())
    }

    /// Takes the next message of one of these topics.
    pub(super) fn recv_topics(&self, topics: Vec<String>) -> Operation<Received> {
        Recv::new(&self.core, Filter { topics, ..Filter::default() }).into_future()
    }

    /// Starts a child process of the newest version of `kind`.
    pub fn spawn<T: Serialize + ?Sized>(&self, kind: &str, input: &T) -> Spawn {
        Spawn::new(&self.core, kind, Payload::of(input))
    }

    /// Waits for the end of any process. For one that does not exist:
    /// [`Exit::NoProcess`], at once. Dropping it before (in a `select`, say)
    /// ends the monitor. One that is kept down for a restart has not ended.
    pub fn monitor(&self, target: &ProcessId) -> Operation<Exit> {
        let target = target.clone();
        Operation::new(
            &self.core,
            move |core| {
                let op = core.number();
                core.monitor(op, target);
                Ok(op)
            },
            super::child::read_exit,
        )
    }

    /// Asks another process to stop. It hears of it at what it waits for.
    pub fn cancel(&self, target: &ProcessId, reason: &str) {
        let mut core = lock(&self.core);
        let op = core.number();
        core.ask(Event::CancelSent { op, target: target.clone(), reason: reason.to_owned() });
    }

    /// Why this process was asked to stop, if it was. What it waited for at
    /// that moment has failed as `cancelled`; what it does now is cleaning up
    /// and works as ever.
    pub fn cancelled(&self) -> Option<String> {
        lock(&self.core).cancelled.clone()
    }

    /// Asks a person. `name` is what the answer is called in the history.
    pub fn ask<T: DeserializeOwned>(&self, name: &str, question: impl Into<String>) -> Ask<T> {
        Ask::new(&self.core, name, question.into())
    }

    /// Sets state that queries may read while the process runs or waits.
    pub fn set<T: Serialize + ?Sized>(&self, key: &str, value: &T) -> Result<(), Failure> {
        let value = Payload::of(value).map_err(|error| bad_payload(&error))?;
        let mut core = lock(&self.core);
        core.state.insert(key.to_owned(), value.clone());
        core.ask(Event::StateSet { key: key.to_owned(), value });
        Ok(())
    }

    /// What was last set.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        lock(&self.core).state.get(key)?.read().ok()
    }

    /// Puts a value on the process's live stream (`greenroom logs -f`). Not
    /// journaled: who does not listen misses it.
    pub fn emit<T: Serialize + ?Sized>(&self, value: &T) -> Result<(), Failure> {
        let value = Payload::of(value).map_err(|error| bad_payload(&error))?;
        lock(&self.core).emitted.push(value);
        Ok(())
    }

    /// Guards a change of this code for processes that already run: `newest`
    /// where the code gets here for the first time, else the version it had
    /// then, 0 if it was before the change.
    pub fn version(&self, change: &str, newest: u32) -> u32 {
        lock(&self.core).version(change, newest)
    }

    /// Ends this segment of the journal and begins the next with `input`, on
    /// the newest version of the kind: `return ctx.continue_as_new(&state)`.
    /// Keeps id, mailbox and state. Handles of children do not carry over (their
    /// ids can be passed on and monitored), compensations are forgotten.
    pub fn continue_as_new<T>(&self, input: &(impl Serialize + ?Sized)) -> Result<T, Failure> {
        let input = Payload::of(input).map_err(|error| bad_payload(&error))?;
        lock(&self.core).continuation = Some(input);
        Err(Failure::fatal("continue_as_new", "the process continues as new"))
    }

    /// Bounds any work: `timeout` after `span`, with the work dropped.
    pub async fn timeout<T>(
        &self,
        span: Duration,
        work: impl IntoFuture<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        match select(work, self.sleep(span)).await {
            Either::Left(result) => result,
            Either::Right(Err(failure)) => Err(failure),
            Either::Right(Ok(())) => {
                Err(Failure::new(failure::TIMEOUT, format!("took longer than {span:?}")))
            }
        }
    }

    /// Wraps work so that it can be cancelled from beside it: what it waits
    /// for is withdrawn, and it ends in a failure of kind `cancelled`.
    pub fn scope<T, F>(
        &self,
        work: F,
    ) -> (Scope, impl Future<Output = Result<T, Failure>> + use<T, F>)
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let (work, handle) = abortable(work);
        let bounded = async move {
            let mut work = Box::pin(work);
            let result = work.as_mut().await;
            drop(work);
            result.unwrap_or_else(|_| {
                Err(Failure::fatal(failure::CANCELLED, "its scope was cancelled"))
            })
        };
        (Scope(handle), bounded)
    }

    /// The number the next operation will get.
    pub fn next_op(&self) -> Op {
        lock(&self.core).next_op()
    }
}

/// Cancels what [`Ctx::scope`] wraps.
pub struct Scope(AbortHandle);

impl Scope {
    /// Cancels it; what is done stays done.
    pub fn cancel(&self) {
        self.0.abort();
    }
}
