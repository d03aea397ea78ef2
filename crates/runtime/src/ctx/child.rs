//! Starting other processes and hearing of their end.

use super::core::{Core, Outcome, Shared, lock};
use super::job::{StepJob, StepRun};
use super::light;
use super::operation::{Operation, bad_payload, unexpected};
use super::recorded::Recorded;
use super::side::Side;
use crate::code::EphemeralRequest;
use crate::ephemeral::{Address, Errand, Held};
use futures_util::FutureExt;
use futures_util::future::Either;
use greenroom_model::budget::Budget;
use greenroom_model::{
    Error, Event, Exit, Failure, Given, Kind, Millis, Op, Payload, ProcessId, Retry, failure,
};
use serde::de::DeserializeOwned;
use std::future::{IntoFuture, Ready, ready};
use std::sync::Arc;
use std::time::Duration;

/// How many attempts of an ephemeral child a crash of the node may cut off.
const CRASHES_MAX: u32 = 20;

/// A spawn about to be made. Await it for the [`Child`]; it does not wait.
#[must_use = "a spawn does nothing until it is awaited"]
pub struct Spawn {
    side: Side,
    kind: String,
    key: Option<String>,
    input: Result<Payload, Error>,
    detached: bool,
    ephemeral: bool,
    restarts: Option<(u32, Duration)>,
    linked: bool,
    given: Given,
    /// Whether it waits for a budget that has too little left.
    waits: bool,
}

impl Spawn {
    pub(crate) fn new(side: &Side, kind: &str, input: Result<Payload, Error>) -> Spawn {
        Spawn {
            side: side.clone(),
            kind: kind.to_owned(),
            key: None,
            input,
            detached: false,
            linked: false,
            ephemeral: matches!(side, Side::Ephemeral(_)),
            restarts: None,
            given: Given::default(),
            waits: true,
        }
    }

    /// The key; by default the parent's key and the operation's number. If the
    /// id is taken by a process that is not this child, `join` fails as
    /// `already_exists`.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Linked to this process from its first moment ([`Ctx::link`]), also if it
    /// was there before.
    ///
    /// [`Ctx::link`]: super::Ctx::link
    pub fn linked(mut self) -> Self {
        self.linked = true;
        self
    }

    /// Until when anybody wants what it does: all it sends and spawns has this
    /// deadline, or a sooner one. It is not stopped then.
    pub fn deadline(mut self, at: Millis) -> Self {
        self.given.deadline = Some(at);
        self
    }

    /// How much it may use up, with all that works for it: set aside from what
    /// this process may, and what is left comes back when it ends. If there is not
    /// so much left, the spawn waits for more.
    pub fn budget(mut self, budget: Budget) -> Self {
        self.given.budget = Some(budget);
        self
    }

    /// Fails as `budget` where it would wait for more of one.
    pub fn without_waiting(mut self) -> Self {
        self.waits = false;
        self
    }

    /// The parent does not hear of its end, and a cancel of the parent's tree
    /// does not reach it.
    pub fn detached(mut self) -> Self {
        self.detached = true;
        self
    }

    /// A process without a journal, for work that may be done again: it lives in
    /// this node's memory, ends with its parent, and has no key of its own. To a
    /// durable parent it is a step: run again after a crash of the node, its
    /// exit recorded once. The children of an ephemeral process always are.
    pub fn ephemeral(mut self) -> Self {
        self.ephemeral = true;
        self
    }

    /// An ephemeral child that fails is started again in its place, with its
    /// input and its mailbox, at most `max` times in `period`.
    pub fn restarts(mut self, max: u32, period: Duration) -> Self {
        self.restarts = Some((max, period));
        self
    }

    /// What cannot be asked for together.
    fn contradiction(&self) -> Option<Failure> {
        let given = self.given != Given::default();
        let words = match (self.ephemeral, self.key.is_some(), self.detached, self.restarts) {
            (true, true, ..) => "an ephemeral process has no key of its own",
            (true, _, true, _) => {
                "an ephemeral process ends with its parent: it cannot be detached"
            }
            (true, ..) if given => "an ephemeral process has no deadline or budget of its own",
            (false, _, _, Some(_)) => "`restarts` is for ephemeral processes",
            _ => return None,
        };
        Some(Failure::fatal("bad_spawn", words))
    }

    /// A step that runs the process to its end.
    fn begin_step(self, core: &mut Core) -> Result<(ProcessId, Op), Failure> {
        let input = self.input.map_err(|error| bad_payload(&error))?;
        if (core.identity.newest)(&self.kind).is_none() {
            return Err(unknown_kind(&self.kind));
        }
        let op = core.number();
        let id = core.identity.id.child(&self.kind, op);
        let id = id.map_err(|error| Failure::fatal("bad_id", error.to_string()))?;
        let (run, kind, restarts) = (core.identity.ephemeral.clone(), self.kind, self.restarts);
        let (parent, envelope) = (core.identity.id.clone(), core.envelope());
        let accounts = core.identity.accounts.clone();
        let name = format!("spawn {kind}");
        let run: StepRun = Arc::new(move |step| {
            let exit = run(EphemeralRequest {
                kind: kind.clone(),
                input: input.clone(),
                parent: parent.clone(),
                envelope: envelope.clone(),
                accounts: accounts.clone(),
                restarts,
                emit: step.emitter,
            });
            // How it ended stands; only a crash of the node has it run again.
            let stands = |failure| Failure { retryable: false, ..failure };
            exit.map(move |exit| exit.into_result().map_err(stands)).boxed()
        });
        core.ask(Event::StepStarted { op, name: name.clone(), at_most_once: false, queue: None });
        core.add_child(
            op,
            StepJob { retry: Retry::attempts(CRASHES_MAX), ..StepJob::new(&name, run) },
        );
        Ok((id, op))
    }

    /// What it asks for: the first is the spawn.
    fn begin(self, core: &mut Core) -> Result<(ProcessId, Op, Vec<Event>), Failure> {
        let input = self.input.map_err(|error| bad_payload(&error))?;
        let op = core.number();
        let id = match &self.key {
            Some(key) => ProcessId::new(&self.kind, key),
            None => core.identity.id.child(&self.kind, op),
        };
        let id = id.map_err(|error| Failure::fatal("bad_id", error.to_string()))?;
        if id.is_reserved() {
            let words = "a key that begins with `!` is an ephemeral process's";
            return Err(Failure::fatal("bad_id", words));
        }
        let Some(kind) = version(core, op, &self.kind) else {
            // Journals from before this was recorded hold nothing here.
            if core.is_new() || matches!(core.recorded(), Some(Recorded::Refused { .. })) {
                core.ask(Event::SpawnRefused { op, id });
            }
            return Err(unknown_kind(&self.kind));
        };
        let detached = self.detached;
        let supervised = None;
        let child = id.clone();
        let given = Some(self.given).filter(|given| *given != Given::default()).map(Box::new);
        let spawn = Event::ProcessSpawned { op, id, kind, input, detached, supervised, given };
        let mut commands = vec![spawn];
        if self.linked {
            let link = core.number();
            commands.push(Event::Linked { op: link, target: child.clone() });
        }
        Ok((child, op, commands))
    }
}

impl IntoFuture for Spawn {
    type Output = Result<Child, Failure>;
    type IntoFuture = Either<Ready<Result<Child, Failure>>, Operation<Child>>;

    fn into_future(self) -> Self::IntoFuture {
        if let Some(contradiction) = self.contradiction() {
            return Either::Left(ready(Err(contradiction)));
        }
        match self.side.clone() {
            Side::Durable(core) if self.ephemeral => {
                let begun = self.begin_step(&mut lock(&core));
                Either::Left(ready(begun.map(|(id, op)| Child::durable(core, id, op))))
            }
            Side::Durable(core) => self.spawn(core),
            Side::Ephemeral(address) => {
                let input = self.input.map_err(|error| bad_payload(&error));
                let held =
                    input.and_then(|input| light::spawn(address, &self.kind, input, self.restarts));
                let child = held.map(|held| Child { at: At::Ephemeral { parent: address, held } });
                Either::Left(ready(child))
            }
        }
    }
}

impl Spawn {
    /// At once, unless a budget has to pay for it.
    fn spawn(self, core: Shared) -> <Spawn as IntoFuture>::IntoFuture {
        let mut locked = lock(&core);
        let waits = self.waits;
        let begun = self.begin(&mut locked);
        let begun = begun.and_then(|(id, op, commands)| {
            let cost = commands.first().and_then(Event::cost).filter(|_| !waits);
            cost.map_or(Ok(()), |cost| locked.pay_now(op, cost))?;
            Ok((id, op, commands))
        });
        let (id, op, commands) = match begun {
            Ok(begun) => begun,
            Err(failure) => return Either::Left(ready(Err(failure))),
        };
        if !waits || locked.account().is_none() {
            commands.into_iter().for_each(|command| locked.ask(command));
            drop(locked);
            return Either::Left(ready(Ok(Child::durable(core, id, op))));
        }
        drop(locked);
        // The spawn's own number is for its end.
        let begin = move |core: &mut Core| {
            let wait = core.number();
            core.do_paid(wait, commands)?;
            Ok(wait)
        };
        let shared = core.clone();
        let read = move |outcome| match outcome {
            Outcome::Fired => Ok(Child::durable(core, id, op)),
            Outcome::Value(Err(failure)) => Err(failure),
            other => Err(unexpected(&other)),
        };
        Either::Right(Operation::new(&shared, begin, read))
    }
}

fn unknown_kind(kind: &str) -> Failure {
    Failure::fatal("unknown_kind", format!("no kind `{kind}` is registered"))
}

/// A process this one started.
#[derive(Clone)]
pub struct Child {
    at: At,
}

#[derive(Clone)]
enum At {
    Durable { core: Shared, id: ProcessId, op: Op },
    Ephemeral { parent: Address, held: Held },
}

impl Child {
    fn durable(core: Shared, id: ProcessId, op: Op) -> Child {
        Child { at: At::Durable { core, id, op } }
    }

    /// Its id. An ephemeral child of a durable process has one that only names
    /// it: messages do not reach it from outside.
    pub fn id(&self) -> &ProcessId {
        match &self.at {
            At::Durable { id, .. } => id,
            At::Ephemeral { held, .. } => held.id(),
        }
    }

    /// Waits for its end.
    pub fn exit(&self) -> Operation<Exit> {
        self.watch(read_exit)
    }

    /// Waits for its result; a child that ended otherwise is a failure.
    pub fn join<T: DeserializeOwned + 'static>(&self) -> Operation<T> {
        self.watch(|outcome| {
            read_exit(outcome)?.into_result()?.read().map_err(|error| bad_payload(&error))
        })
    }

    fn watch<R>(
        &self,
        read: impl FnOnce(Outcome) -> Result<R, Failure> + Send + 'static,
    ) -> Operation<R> {
        match &self.at {
            At::Durable { core, op, .. } => {
                let watch = *op;
                Operation::new(core, move |core| Ok(begin_join(core, watch)), read)
            }
            At::Ephemeral { parent, held } => {
                let exit = Errand::Exit { target: held.address(), wait: None, since: None };
                Operation::errand(*parent, exit, read)
            }
        }
    }
}

/// The kind a child gets, or that it got when this was recorded; `None`: there
/// is no code for it, or there was none then.
pub(super) fn version(core: &Core, op: Op, name: &str) -> Option<Kind> {
    match core.recorded() {
        Some(Recorded::Spawned { op: spawned, kind }) if *spawned == op && &*kind.name == name => {
            Some(kind.clone())
        }
        Some(Recorded::Refused { op: refused }) if *refused == op => None,
        _ => (core.identity.newest)(name),
    }
}

fn begin_join(core: &mut Core, watch: Op) -> Op {
    let op = core.number();
    core.join(op, watch);
    op
}

pub(crate) fn read_exit(outcome: Outcome) -> Result<Exit, Failure> {
    match outcome {
        Outcome::Exited(Exit::Error(refused)) if refused.is(failure::ALREADY_EXISTS) => {
            Err(refused)
        }
        Outcome::Exited(exit) => Ok(exit),
        Outcome::Value(Err(failure)) => Err(failure),
        other => Err(unexpected(&other)),
    }
}
