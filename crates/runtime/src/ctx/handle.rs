//! [`Ctx`]: the handle a process's code gets, and its simple operations.

use super::ask::Ask;
use super::chance::Chance;
use super::child::Spawn;
use super::core::{Core, Outcome, Shared, Unsent, lock};
use super::job::{Step, step_run};
use super::light;
use super::operation::{Operation, bad_payload, unexpected};
use super::receive::{Received, Recv};
use super::send::Call;
use super::side::Side;
use super::step::StepCall;
use super::together::{Either, select};
use crate::ephemeral::{Address, CallOut, Errand, no_journal};
use futures_util::FutureExt;
use futures_util::future::{AbortHandle, abortable};
use greenroom_model::{
    Error, Event, Exit, Failure, InHand, Kind, Millis, Op, Origin, Payload, ProcessId, failure,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::future::{Future, IntoFuture};
use std::time::Duration;

/// What a process's code works with. Cheap to clone.
///
/// The code must be deterministic: everything from outside comes in through
/// these operations, so that running the code again over its journal takes it
/// to the same place. Await nothing else, spawn no tasks, read no clock.
///
/// The same code may run as an [ephemeral](Spawn::ephemeral) process, without a
/// journal; then the operations are done at once, in memory, and work only in
/// the process's own code.
#[derive(Clone)]
pub struct Ctx {
    side: Side,
}

impl Ctx {
    pub(crate) fn durable(core: Shared) -> Ctx {
        Ctx { side: Side::Durable(core) }
    }

    pub(crate) fn ephemeral(address: Address) -> Ctx {
        Ctx { side: Side::Ephemeral(address) }
    }

    /// This process's id.
    pub fn id(&self) -> ProcessId {
        match &self.side {
            Side::Durable(core) => lock(core).identity.id.clone(),
            Side::Ephemeral(address) => light::id(*address),
        }
    }

    /// The process that spawned this one.
    pub fn parent(&self) -> Option<ProcessId> {
        match &self.side {
            Side::Durable(core) => match &lock(core).segment.origin {
                Origin::Process(parent) => Some(parent.clone()),
                _ => None,
            },
            Side::Ephemeral(address) => light::parent(*address),
        }
    }

    /// The kind and version this code runs as.
    pub fn kind(&self) -> Kind {
        match &self.side {
            Side::Durable(core) => lock(core).segment.kind.clone(),
            Side::Ephemeral(address) => light::kind(*address),
        }
    }

    /// The time: that of the turn, the same on replay, never going back.
    pub fn now(&self) -> Millis {
        match &self.side {
            Side::Durable(core) => lock(core).now,
            Side::Ephemeral(address) => light::now(*address),
        }
    }

    /// A random number in `0.0..1.0`, the same on replay. Not for secrets.
    pub fn random(&self) -> f64 {
        match &self.side {
            Side::Durable(core) => lock(core).chance.unit(),
            Side::Ephemeral(address) => light::chance(*address, Chance::unit),
        }
    }

    /// A random UUID, the same on replay. Not for secrets.
    pub fn uuid(&self) -> String {
        match &self.side {
            Side::Durable(core) => lock(core).chance.uuid(),
            Side::Ephemeral(address) => light::chance(*address, Chance::uuid),
        }
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
        StepCall::new(&self.side, name, step_run(run))
    }

    /// Waits at least this long, for seconds or for years. Costs no memory.
    pub fn sleep(&self, span: Duration) -> Operation<()> {
        let begin = move |core: &mut Core| {
            let op = core.number();
            core.sleep(op, core.now.after(span));
            Ok(op)
        };
        match &self.side {
            Side::Durable(core) => Operation::new(core, begin, read_done),
            Side::Ephemeral(address) => {
                let sleep = Errand::work(move |_, pool| {
                    Ok(pool.env.sleep(span).map(|()| Outcome::Fired).boxed())
                });
                Operation::errand(*address, sleep, read_done)
            }
        }
    }

    /// Sends a message: exactly once, with the commit of the turn that does. If
    /// the mailbox of `to` is full, this process waits for room, durably. A
    /// message to nobody becomes a dead letter.
    ///
    /// Fails as `mailbox_full` if the kind of `to` has nobody wait
    /// ([`Overflow::Refuse`](crate::Overflow)), or if it is this process's own.
    pub fn send<T: Serialize + ?Sized>(
        &self,
        to: &ProcessId,
        topic: &str,
        body: &T,
    ) -> Operation<()> {
        self.send_by(to, topic, Payload::of(body), None)
    }

    /// Sends a message that nobody wants to be handled after `deadline`: if it has
    /// not been taken by then, it becomes a dead letter. What the receiver does
    /// for it has the same deadline, or a sooner one.
    pub fn send_before<T: Serialize + ?Sized>(
        &self,
        deadline: Millis,
        to: &ProcessId,
        topic: &str,
        body: &T,
    ) -> Operation<()> {
        match &self.side {
            Side::Ephemeral(address) => {
                Operation::refused(*address, no_journal("a message's deadline"))
            }
            Side::Durable(_) => self.send_by(to, topic, Payload::of(body), Some(deadline)),
        }
    }

    /// What the code acts for: the envelope of the message it has taken last, or
    /// the process's own. An ephemeral process has that of its durable ancestor.
    pub fn envelope(&self) -> InHand {
        match &self.side {
            Side::Durable(core) => lock(core).envelope(),
            Side::Ephemeral(address) => light::envelope(*address),
        }
    }

    fn send_by(
        &self,
        to: &ProcessId,
        topic: &str,
        body: Result<Payload, Error>,
        deadline: Option<Millis>,
    ) -> Operation<()> {
        let body = body.map_err(|error| bad_payload(&error));
        match (&self.side, body) {
            (Side::Ephemeral(address), Err(failure)) => Operation::refused(*address, failure),
            (Side::Ephemeral(address), Ok(body)) if Address::of(to).is_none() => {
                match light::send(*address, to, topic, body) {
                    Ok(()) => Operation::errand(*address, Errand::Done, read_done),
                    Err(failure) => Operation::refused(*address, failure),
                }
            }
            (Side::Ephemeral(address), Ok(body)) => {
                let send = CallOut::new(to, topic, body, false, None);
                Operation::errand(*address, Errand::call(send), read_done)
            }
            (Side::Durable(core), body) => {
                let (to, topic) = (to.clone(), topic.to_owned());
                let begin = move |core: &mut Core| {
                    let (op, body) = (core.number(), body?);
                    core.send(op, Unsent { to, topic, body, call: false, deadline })?;
                    Ok(op)
                };
                Operation::new(core, begin, read_done)
            }
        }
    }

    /// Sends a message now, as [`send`](Ctx::send) does, or not at all: fails as
    /// `mailbox_full` if there is no room.
    pub fn try_send<T: Serialize + ?Sized>(
        &self,
        to: &ProcessId,
        topic: &str,
        body: &T,
    ) -> Result<(), Failure> {
        let body = Payload::of(body).map_err(|error| bad_payload(&error))?;
        let core = match &self.side {
            Side::Durable(core) => core,
            Side::Ephemeral(address) => return light::send(*address, to, topic, body),
        };
        let mut core = lock(core);
        let op = core.number();
        let (to, topic) = (to.clone(), topic.to_owned());
        core.try_send(op, Unsent { to, topic, body, call: false, deadline: None })
    }

    /// Sends a message and waits for its reply.
    pub fn call<T>(
        &self,
        to: &ProcessId,
        topic: &str,
        body: &(impl Serialize + ?Sized),
    ) -> Call<T> {
        Call::new(&self.side, to, topic, Payload::of(body))
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
        match (&to.reply_to, &self.side) {
            (None, _) => {}
            (Some(reply_to), Side::Durable(core)) => {
                let mut core = lock(core);
                let op = core.number();
                core.ask(Event::ReplySent { op, to: reply_to.clone(), result });
            }
            (Some(reply_to), Side::Ephemeral(address)) => light::answer(*address, reply_to, result),
        }
    }

    /// Takes the next message from the mailbox, oldest first.
    pub fn recv(&self) -> Recv {
        Recv::new(&self.side)
    }

    /// An operation that needs a journal.
    pub(super) fn journaled<T>(
        &self,
        what: &str,
        begin: impl FnOnce(&mut Core) -> Result<Op, Failure> + Send + 'static,
        read: impl FnOnce(Outcome) -> Result<T, Failure> + Send + 'static,
    ) -> Operation<T> {
        match &self.side {
            Side::Durable(core) => Operation::new(core, begin, read),
            Side::Ephemeral(address) => Operation::refused(*address, no_journal(what)),
        }
    }

    /// The journal's side of it; supervision, say, needs one.
    pub(super) fn core(&self, what: &str) -> Result<&Shared, Failure> {
        match &self.side {
            Side::Durable(core) => Ok(core),
            Side::Ephemeral(_) => Err(no_journal(what)),
        }
    }

    /// Starts a child process of the newest version of `kind`.
    pub fn spawn<T: Serialize + ?Sized>(&self, kind: &str, input: &T) -> Spawn {
        Spawn::new(&self.side, kind, Payload::of(input))
    }

    /// Waits for the end of any process. For one that does not exist:
    /// [`Exit::NoProcess`], at once. Dropping it before (in a `select`, say)
    /// ends the monitor. One that is kept down for a restart has not ended.
    pub fn monitor(&self, target: &ProcessId) -> Operation<Exit> {
        let core = match (&self.side, Address::of(target)) {
            (Side::Durable(core), _) => core,
            (Side::Ephemeral(address), Some(target)) => {
                let exit = Errand::Exit { target, wait: None, since: None };
                return Operation::errand(*address, exit, super::child::read_exit);
            }
            (Side::Ephemeral(address), None) => {
                return Operation::refused(*address, no_journal("a monitor of a durable process"));
            }
        };
        let target = target.clone();
        Operation::new(
            core,
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
        self.send_cancel(target, reason, false);
    }

    /// The same, and all that it and its children have spawned and not detached. What
    /// an ephemeral process has spawned ends with it anyway.
    pub fn cancel_tree(&self, target: &ProcessId, reason: &str) {
        self.send_cancel(target, reason, true);
    }

    fn send_cancel(&self, target: &ProcessId, reason: &str, tree: bool) {
        let core = match &self.side {
            Side::Durable(core) => core,
            Side::Ephemeral(address) => return light::cancel(*address, target, reason),
        };
        let mut core = lock(core);
        let (op, target, reason) = (core.number(), target.clone(), reason.to_owned());
        core.ask(Event::CancelSent { op, target, reason, tree });
    }

    /// Why this process was asked to stop, if it was. What it waited for at
    /// that moment has failed as `cancelled`; what it does now is cleaning up
    /// and works as ever.
    pub fn cancelled(&self) -> Option<String> {
        match &self.side {
            Side::Durable(core) => lock(core).cancelled.clone(),
            Side::Ephemeral(address) => light::cancelled(*address),
        }
    }

    /// Asks a person. `name` is what the answer is called in the history.
    pub fn ask<T: DeserializeOwned>(&self, name: &str, question: impl Into<String>) -> Ask<T> {
        Ask::new(&self.side, name, question.into())
    }

    /// Sets state that queries may read while the process runs or waits. That
    /// of an ephemeral process only [`get`](Ctx::get) reads.
    pub fn set<T: Serialize + ?Sized>(&self, key: &str, value: &T) -> Result<(), Failure> {
        let value = Payload::of(value).map_err(|error| bad_payload(&error))?;
        let core = match &self.side {
            Side::Durable(core) => core,
            Side::Ephemeral(address) => return light::set(*address, key, value),
        };
        let mut core = lock(core);
        core.state.insert(key.to_owned(), value.clone());
        core.ask(Event::StateSet { key: key.to_owned(), value });
        Ok(())
    }

    /// What was last set.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        match &self.side {
            Side::Durable(core) => lock(core).state.get(key)?.read().ok(),
            Side::Ephemeral(address) => light::get(*address, key)?.read().ok(),
        }
    }

    /// Puts a value on the process's live stream (`greenroom logs -f`). Not
    /// journaled: who does not listen misses it.
    pub fn emit<T: Serialize + ?Sized>(&self, value: &T) -> Result<(), Failure> {
        let value = Payload::of(value).map_err(|error| bad_payload(&error))?;
        match &self.side {
            Side::Durable(core) => lock(core).emitted.push(value),
            Side::Ephemeral(address) => light::emit(*address, value)?,
        }
        Ok(())
    }

    /// Guards a change of this code for processes that already run: `newest`
    /// where the code gets here for the first time, else the version it had
    /// then, 0 if it was before the change.
    pub fn version(&self, change: &str, newest: u32) -> u32 {
        match &self.side {
            Side::Durable(core) => lock(core).version(change, newest),
            // There is no older journal of it.
            Side::Ephemeral(_) => newest,
        }
    }

    /// Ends this segment of the journal and begins the next with `input`, on
    /// the newest version of the kind: `return ctx.continue_as_new(&state)`.
    /// Keeps id, mailbox and state. Handles of children do not carry over (their
    /// ids can be passed on and monitored), compensations are forgotten.
    pub fn continue_as_new<T>(&self, input: &(impl Serialize + ?Sized)) -> Result<T, Failure> {
        let input = Payload::of(input).map_err(|error| bad_payload(&error))?;
        match &self.side {
            Side::Durable(core) => lock(core).continuation = Some(input),
            Side::Ephemeral(_) => return Err(no_journal("`continue_as_new`")),
        }
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

    /// The number the next operation will get; those of an ephemeral process have
    /// none.
    pub fn next_op(&self) -> Op {
        match &self.side {
            Side::Durable(core) => lock(core).next_op(),
            Side::Ephemeral(_) => Op(0),
        }
    }
}

fn read_done(outcome: Outcome) -> Result<(), Failure> {
    match outcome {
        Outcome::Fired => Ok(()),
        Outcome::Value(Err(failure)) => Err(failure),
        other => Err(unexpected(&other)),
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
