//! Runs an async function against inputs: the future is polled once after
//! each, with a waker of no use, since nothing but an input can move it.

use crate::code::{Activation, Applied, Attempt, NewActivation, Newest};
use crate::ctx::{Core, Ctx, Identity, Shared, StepJob, run_compensations};
use crate::failed::panicked;
use crate::migration::Migrations;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use greenroom_model::{
    Event, Exit, Failure, Filter, Kind, Millis, Op, Payload, ProcessId, Segment, Stop, failure,
};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// A registered function: makes the future of one process.
pub(crate) type Program =
    Arc<dyn Fn(Ctx, Payload) -> BoxFuture<'static, Result<Payload, Failure>> + Send + Sync>;

/// How often the code is polled for one input at most: code that always wakes
/// itself must not keep a worker.
const ROUNDS_MAX: usize = 1_000;

/// Whether the code has been woken since it was polled.
#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// One process's function, suspended between inputs.
pub(crate) struct Local {
    core: Shared,
    newest: Newest,
    migrations: Arc<Migrations>,
    /// `None` once it has ended.
    code: Option<BoxFuture<'static, Result<Payload, Failure>>>,
}

impl Local {
    pub fn new(program: &Program, new: NewActivation, migrations: Arc<Migrations>) -> Local {
        let input = new.segment.input.clone();
        let newest = new.newest.clone();
        let mut later: VecDeque<ProcessId> = new.earlier.into();
        later.push_back(new.id.clone());
        let id = later.pop_front().unwrap_or(new.id);
        let NewActivation { no, used_up, newest: kinds, has_room, accounts, ephemeral, .. } = new;
        let identity =
            Identity { id, no, used_up, later, newest: kinds, has_room, accounts, ephemeral };
        let core = Arc::new(Mutex::new(Core::new(identity, new.segment, new.at)));
        let code = Local::code(program, &core, input);
        Local { core, newest, migrations, code: Some(code) }
    }

    /// The user's function, followed by its compensations if it fails.
    fn code(
        program: &Program,
        core: &Shared,
        input: Payload,
    ) -> BoxFuture<'static, Result<Payload, Failure>> {
        let (program, core) = (program.clone(), core.clone());
        Box::pin(async move {
            // Called inside the future, so that a panic before the first await
            // is caught like any other.
            let (code, call) = (program.clone(), Ctx::durable(core.clone()));
            let work = AssertUnwindSafe(async move { code(call, input).await }).catch_unwind();
            // A panic is a failure like any other: what was done is undone.
            let result = work.await.unwrap_or_else(|panic| Err(panicked(&*panic)));
            match result {
                Err(failure) if !continues(&core) && !resumes(&core) => {
                    Err(run_compensations(&core, failure).await)
                }
                other => other,
            }
        })
    }

    fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn poll(&mut self) -> Option<Event> {
        let code = self.code.as_mut()?;
        let flag = Arc::new(Flag::default());
        let waker = Waker::from(flag.clone());
        let mut context = Context::from_waker(&waker);
        let mut polled;
        let mut rounds = 0;
        // Only an input moves the code, but a part of it may move another:
        // cancelling a scope wakes what was polled before it.
        loop {
            flag.0.store(false, Ordering::Relaxed);
            polled = catch_unwind(AssertUnwindSafe(|| code.as_mut().poll(&mut context)));
            rounds += 1;
            let moved = matches!(polled, Ok(Poll::Pending)) && flag.0.load(Ordering::Relaxed);
            if !moved || rounds == ROUNDS_MAX {
                break;
            }
        }
        let end = match polled {
            Ok(Poll::Pending) if self.core().is_waiting() => return None,
            Ok(Poll::Pending) => Event::WorkflowFailed { exit: Exit::Error(foreign_await()) },
            Ok(Poll::Ready(result)) => self.ended(result),
            Err(panic) => Event::WorkflowFailed { exit: Exit::Error(panicked(&*panic)) },
        };
        self.drop_code();
        Some(end)
    }

    fn ended(&self, result: Result<Payload, Failure>) -> Event {
        let mut core = self.core();
        match (result, core.continuation.take()) {
            (Err(_), Some(input)) => {
                let (kind, input) = self.migrated(&mut core, input);
                Event::WorkflowContinued(Box::new(next_segment(&core, kind, input)))
            }
            (Ok(result), _) => Event::WorkflowCompleted { result },
            (Err(failure), None) if failure.is(failure::CANCELLED) => {
                let reason = core.cancelled.clone().unwrap_or(failure.message);
                let exit = match (core.stop, core.ends_as.take()) {
                    (Some(_), _) => Exit::Shutdown(reason),
                    (None, Some(exit)) => exit,
                    (None, None) => Exit::Cancelled(reason),
                };
                Event::WorkflowFailed { exit }
            }
            (Err(failure), None) if failure.is(failure::SHUTDOWN) => {
                Event::WorkflowFailed { exit: Exit::Shutdown(failure.message) }
            }
            (Err(failure), None) => Event::WorkflowFailed { exit: Exit::Error(failure) },
        }
    }

    /// On which version it goes on, and with what. Where the input cannot be
    /// migrated it stays on its own, whose input it is.
    fn migrated(&self, core: &mut Core, input: Payload) -> (Kind, Payload) {
        let own = core.segment.kind.clone();
        let newest = (self.newest)(&own.name).filter(|_| !core.segment.pinned);
        let Some(newest) = newest.filter(|newest| *newest != own) else {
            return (own, input);
        };
        match self.migrations.migrate(&own, &newest, input.clone()) {
            Ok(input) => (newest, input),
            Err(failure) => {
                let words = format!("it stays on {own}: {failure}");
                core.emitted.extend(Payload::of(&words).ok());
                (own, input)
            }
        }
    }

    /// The operations in the future must not take their end for a wish of the
    /// code's.
    fn drop_code(&mut self) {
        let held = self.core().close();
        let code = self.code.take();
        // A destructor of the user's that panics must not take the node along.
        let _ = catch_unwind(AssertUnwindSafe(|| drop((code, held))));
    }
}

impl Activation for Local {
    fn apply(
        &mut self,
        at: Millis,
        input: &Event,
        expected: &[&Event],
        replaying: bool,
    ) -> Applied {
        let known = {
            let mut core = self.core();
            core.begin(at, expected, replaying);
            if let Event::Restarted { first_op, message_op, .. } = input {
                core.renumber(*first_op, *message_op);
                return Applied::default();
            }
            if let Event::Forked { seed, .. } = input {
                core.fork(*seed);
                return Applied::default();
            }
            core.feed(input)
        };
        let end = self.poll();
        let mut core = self.core();
        let mut commands = core.take_commands();
        commands.extend(end);
        let (in_hand, emitted) = (core.put_down(), std::mem::take(&mut core.emitted));
        let holds = core.take_holds();
        Applied { commands, unexpected: !known, emitted, holds, in_hand }
    }

    fn receivers(&self) -> Vec<(Op, Filter)> {
        self.core().receivers().to_vec()
    }

    fn waiting(&self) -> Vec<Op> {
        self.core().waiting()
    }

    fn step(&self, op: Op) -> Option<Attempt> {
        self.core().step(op).map(StepJob::attempt)
    }

    fn next_op(&self) -> Op {
        self.core().next_op()
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        self.drop_code();
    }
}

fn continues(core: &Shared) -> bool {
    let core = core.lock().unwrap_or_else(PoisonError::into_inner);
    core.continuation.is_some()
}

fn next_segment(core: &Core, kind: Kind, input: Payload) -> Segment {
    let mut chance = core.chance.clone();
    Segment {
        kind,
        input,
        seed: chance.next(),
        first_op: core.next_op(),
        state: core.state.clone(),
        origin: core.segment.origin.clone(),
        root: core.segment.root.clone(),
        supervised: core.segment.supervised.clone(),
        supervises: core.supervises,
        // The engine knows what it is by now.
        standing: greenroom_model::Standing::default(),
        pinned: core.segment.pinned,
        hops: core.segment.hops,
        carried: core.segment.carried.clone(),
    }
}

/// Its supervisor stops it to let it go on from here: nothing is undone.
fn resumes(core: &Shared) -> bool {
    let core = core.lock().unwrap_or_else(PoisonError::into_inner);
    core.stop == Some(Stop::Resume)
}

fn foreign_await() -> Failure {
    Failure::fatal(
        failure::FOREIGN_AWAIT,
        "the code waits for something that is no operation of `ctx`, so nothing could ever wake \
         it; put calls to the outside into `ctx.step`",
    )
}
