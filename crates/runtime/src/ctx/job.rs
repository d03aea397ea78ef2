//! A step as the runtime runs it: its code, its policy, and what the code is
//! given. Knows nothing of the process that asked for it.

use crate::code::{Attempt, StepQueue};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use greenroom_model::queue::PRIORITY_MAX;
use greenroom_model::{Failure, Payload, Retry, failure};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What a step's code is given: its stable key, which attempt this is, and
/// how to say that it is alive.
#[derive(Clone)]
pub struct Step {
    pub(crate) key: Arc<str>,
    pub(crate) attempt: u32,
    pub(crate) pulse: Arc<Pulse>,
    pub(crate) emitter: Arc<dyn Fn(Payload) + Send + Sync>,
}

/// The signs of life of one step, shared by its attempts on this node.
#[derive(Default)]
pub(crate) struct Pulse {
    beats: std::sync::atomic::AtomicU64,
    progress: Mutex<Option<Payload>>,
}

impl Pulse {
    pub fn beats(&self) -> u64 {
        self.beats.load(std::sync::atomic::Ordering::Relaxed)
    }
}

impl Step {
    /// The idempotency key to pass on: the process's id and the operation's
    /// number. The same for every attempt, before and after a crash; a second
    /// call outside with the same key must have no second effect.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Which attempt this is, from 1.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Says that a long step is alive. With
    /// [`heartbeat_timeout`](StepCall::heartbeat_timeout), silence for longer
    /// fails the attempt.
    pub fn heartbeat(&self) {
        self.pulse.beats.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }

    /// A heartbeat with how far the step has come, for the next attempt to go
    /// on from. Kept in memory: after a crash of the node there is none.
    pub fn heartbeat_with<T: Serialize + ?Sized>(&self, progress: &T) -> Result<(), Failure> {
        let progress = Payload::of(progress).map_err(|error| bad_payload(&error))?;
        *self.pulse.progress.lock().unwrap_or_else(PoisonError::into_inner) = Some(progress);
        self.heartbeat();
        Ok(())
    }

    /// How far an earlier attempt on this node said it had come.
    pub fn progress<T: DeserializeOwned>(&self) -> Option<T> {
        self.pulse.progress.lock().unwrap_or_else(PoisonError::into_inner).as_ref()?.read().ok()
    }

    /// Puts a value on the process's live stream. Not journaled.
    pub fn emit<T: Serialize + ?Sized>(&self, value: &T) -> Result<(), Failure> {
        (self.emitter)(Payload::of(value).map_err(|error| bad_payload(&error))?);
        Ok(())
    }
}

pub(crate) type StepRun =
    Arc<dyn Fn(Step) -> BoxFuture<'static, Result<Payload, Failure>> + Send + Sync>;

/// A tenant's name may have so many bytes.
const TENANT_MAX: usize = 200;

/// A step the code has asked for: how to run it, and how often.
#[derive(Clone)]
pub(crate) struct StepJob {
    pub name: String,
    pub retry: Retry,
    pub timeout: Option<Duration>,
    pub heartbeat_timeout: Option<Duration>,
    pub at_most_once: bool,
    pub queue: Option<Arc<StepQueue>>,
    pub pulse: Arc<Pulse>,
    pub run: StepRun,
}

impl StepJob {
    /// Where it waits, to be changed.
    pub fn queue_mut(&mut self) -> &mut StepQueue {
        Arc::make_mut(self.queue.get_or_insert_default())
    }

    /// Whether what was said of its queue can be.
    pub fn check_queue(&self) -> Result<(), Failure> {
        let Some(queue) = self.queue.as_deref() else { return Ok(()) };
        let wrong = |words| Err(Failure::fatal(failure::BAD_QUEUE, words));
        if queue.priority > PRIORITY_MAX {
            let words = "is too high: 0 (the default) to";
            return wrong(format!("priority {} {words} {PRIORITY_MAX}", queue.priority));
        }
        if queue.tenant.len() > TENANT_MAX {
            return wrong(format!("a tenant's name has at most {TENANT_MAX} bytes"));
        }
        Ok(())
    }

    /// A step with the default policy.
    pub fn new(name: &str, run: StepRun) -> StepJob {
        StepJob {
            name: name.to_owned(),
            retry: Retry::default(),
            timeout: None,
            heartbeat_timeout: None,
            at_most_once: false,
            queue: None,
            pulse: Arc::default(),
            run,
        }
    }

    /// How to make an attempt of it.
    pub fn attempt(&self) -> Attempt {
        let (pulse, job_pulse, run) = (self.pulse.clone(), self.pulse.clone(), self.run.clone());
        Attempt {
            queue: self.queue.clone(),
            retry: self.retry.clone(),
            timeout: self.timeout,
            heartbeat_timeout: self.heartbeat_timeout,
            beats: Arc::new(move || pulse.beats()),
            run: Arc::new(move |key, attempt, emitter| {
                run(Step { key, attempt, pulse: job_pulse.clone(), emitter })
            }),
        }
    }
}

/// What undoes one thing that was done.
pub(crate) struct Compensation {
    pub name: String,
    pub retry: Retry,
    pub run: StepRun,
}

pub(crate) fn step_run<T, E, F, Fut>(run: F) -> StepRun
where
    T: Serialize,
    E: Into<Failure>,
    F: Fn(Step) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<T, E>> + Send + 'static,
{
    Arc::new(move |step| {
        let attempt = run(step);
        async move {
            let value = attempt.await.map_err(Into::into)?;
            Payload::of(&value).map_err(|error| bad_payload(&error))
        }
        .boxed()
    })
}

fn bad_payload(error: &greenroom_model::Error) -> Failure {
    Failure::fatal(failure::BAD_PAYLOAD, error.to_string())
}
