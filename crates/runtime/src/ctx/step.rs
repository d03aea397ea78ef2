//! Asking for steps: the calls to the outside.

use super::core::{Outcome, lock};
use super::job::{Compensation, Step, StepJob, StepRun, step_run};
use super::operation::{Operation, read_value};
use super::side::Side;
use crate::attempt::attempts;
use crate::code::StepQueue;
use crate::ephemeral::{Address, Errand, no_journal};
use futures_util::FutureExt;
use greenroom_model::queue::Queued;
use greenroom_model::{Event, Failure, Retry};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

/// A step about to be asked for. Await it, after setting what differs from
/// the default: repeated after a crash, 5 attempts with growing waits, no
/// time limit.
#[must_use = "a step does nothing until it is awaited"]
pub struct StepCall<T> {
    side: Side,
    job: StepJob,
    undo: Option<(String, StepRun)>,
    value: PhantomData<fn() -> T>,
}

impl<T> StepCall<T> {
    pub(crate) fn new(side: &Side, name: &str, run: StepRun) -> StepCall<T> {
        let job = StepJob::new(name, run);
        StepCall { side: side.clone(), job, undo: None, value: PhantomData }
    }

    /// When to try again after a failure.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.job.retry = retry;
        self
    }

    /// It stands in this queue of the node's before each attempt, and has not
    /// begun until it is let in (see [`Registry::queue`](crate::Registry::queue)).
    pub fn queue(mut self, name: &str) -> Self {
        self.job.queue_mut().name = Some(name.to_owned());
        self
    }

    /// Its place in the queue, 0 (the default) to 9: the highest goes first, but
    /// a lower one is passed over 9 times at most, but for others like it.
    pub fn priority(mut self, priority: u8) -> Self {
        self.job.queue_mut().priority = priority;
        self
    }

    /// On whose behalf: in the queue tenants of one priority take turns, however
    /// many steps each has there.
    pub fn tenant(mut self, tenant: &str) -> Self {
        self.job.queue_mut().tenant = tenant.to_owned();
        self
    }

    /// How long one attempt may take; longer fails it as `timeout`, which is
    /// retried. The time in a queue does not count.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.job.timeout = Some(limit);
        self
    }

    /// How long an attempt may be silent (see [`Step::heartbeat`]).
    pub fn heartbeat_timeout(mut self, limit: Duration) -> Self {
        self.job.heartbeat_timeout = Some(limit);
        self
    }

    /// Never run it twice: one attempt, and if a crash leaves its outcome
    /// unknown the code gets a failure of kind `unknown` to decide on.
    pub fn at_most_once(mut self) -> Self {
        self.job.at_most_once = true;
        self.job.retry = Retry::never();
        self
    }

    /// What undoes it. If the process later ends in an error or is cancelled,
    /// the compensations of all steps that succeeded run as steps of their
    /// own, last first (a saga). It is retried by the default policy, or by
    /// the step's if that allows more attempts.
    pub fn compensate<U, E, F, Fut>(mut self, name: &str, undo: F) -> Self
    where
        U: Serialize,
        E: Into<Failure>,
        F: Fn(Step) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<U, E>> + Send + 'static,
    {
        self.undo = Some((name.to_owned(), step_run(undo)));
        self
    }
}

impl<T: DeserializeOwned + 'static> IntoFuture for StepCall<T> {
    type Output = Result<T, Failure>;
    type IntoFuture = Operation<T>;

    fn into_future(self) -> Operation<T> {
        let StepCall { side, mut job, undo, .. } = self;
        let core = match side {
            Side::Durable(core) => core,
            Side::Ephemeral(address) => return ephemeral(address, &job, undo.is_some()),
        };
        let undo_core = core.clone();
        let undo_retry = job.retry.clone();
        Operation::new(
            &core,
            move |core| {
                job.check_queue()?;
                let op = core.number();
                if job.at_most_once {
                    job.retry = Retry::never();
                }
                let (name, at_most_once) = (job.name.clone(), job.at_most_once);
                let name_of = |queue: &StepQueue| queue.name.clone();
                let queue = job.queue.as_deref().and_then(name_of);
                let since = core.now;
                let queue = queue.map(|name| Box::new(Queued { name, since }));
                core.ask(Event::StepStarted { op, name, at_most_once, queue });
                core.add_step(op, job);
                Ok(op)
            },
            move |outcome| {
                // What was done is to be undone even if its result cannot be read.
                let done = matches!(outcome, Outcome::Value(Ok(_)));
                if let (true, Some((name, run))) = (done, undo) {
                    let undone = Compensation { name, retry: undo_retry.or_more_patient(), run };
                    lock(&undo_core).compensations.push(undone);
                }
                read_value(outcome)
            },
        )
    }
}

/// The step of an ephemeral process: attempts, one after another, in its own
/// poll.
fn ephemeral<T: DeserializeOwned + 'static>(
    address: Address,
    job: &StepJob,
    undone: bool,
) -> Operation<T> {
    let refused = match (job.at_most_once, undone) {
        (true, _) => Some("`at_most_once`"),
        (_, true) => Some("`compensate`"),
        _ => job.queue.is_some().then_some("`queue`"),
    };
    if let Some(what) = refused {
        return Operation::refused(address, no_journal(what));
    }
    let attempt = job.attempt();
    let work = Errand::work(move |running, pool| {
        let key: Arc<str> = format!("{}#{}", running.id(), running.desk().number()).into();
        let emit = running.root.emit.clone().unwrap_or_else(|| Arc::new(|_| {}));
        Ok(attempts(pool.env.clone(), attempt, key, emit).map(Outcome::Value).boxed())
    });
    Operation::errand(address, work, read_value)
}
