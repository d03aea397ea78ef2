//! An attempt of a step as a task that any worker may poll, one at a time.
//! Knows no process: its owner is only carried.

use super::attempt::attempt_of;
use super::line::Permit;
use crate::code::{Attempt, Emit, StepResult};
use crate::env::Env;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use greenroom_model::Op;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// What tasks live in.
pub(crate) trait Host<C>: Send + Sync {
    fn env(&self) -> Arc<dyn Env>;

    /// Queues a task that wants to be polled.
    fn schedule(&self, task: Arc<Task<C>>);

    /// Where a task's live values go.
    fn emit(self: Arc<Self>, owner: &C) -> Emit;

    /// A task has ended, or was dropped.
    fn ended(&self);
}

pub(crate) struct Task<C: 'static> {
    /// Whose step it is.
    pub owner: C,
    host: Arc<dyn Host<C>>,
    /// The step's key: the process's id and the operation's number.
    pub key: Arc<str>,
    pub op: Op,
    pub attempt: u32,
    work: Mutex<Work>,
    stage: AtomicU8,
    aborted: AtomicBool,
}

enum Work {
    New(Attempt, Option<Permit>),
    Begun(BoxFuture<'static, StepResult>),
    Gone,
}

/// It waits for something outside.
const IDLE: u8 = 0;
/// It stands in the queue.
const QUEUED: u8 = 1;
/// Somebody polls it.
const POLLED: u8 = 2;
/// Somebody polls it, and it was woken meanwhile.
const WOKEN: u8 = 3;

impl<C: Send + Sync> Task<C> {
    /// A task; whoever makes it queues it for its first poll.
    pub fn new(
        owner: C,
        host: Arc<dyn Host<C>>,
        (how, permit): (Attempt, Option<Permit>),
        key: Arc<str>,
        op: Op,
        attempt: u32,
    ) -> Arc<Task<C>> {
        let (stage, aborted) = (AtomicU8::new(QUEUED), AtomicBool::new(false));
        let work = Mutex::new(Work::New(how, permit));
        Arc::new(Task { owner, host, key, op, attempt, work, stage, aborted })
    }

    /// Nobody waits for it any more: its work is dropped by the next worker
    /// that comes by. Runs no code of the user's.
    pub fn abort(self: Arc<Self>) {
        self.aborted.store(true, Ordering::SeqCst);
        self.wake();
    }

    pub fn is_aborted(&self) -> bool {
        self.aborted.load(Ordering::SeqCst)
    }

    /// Polls it once, and gives what has come of it. Runs code of the user's,
    /// so no lock may be held.
    pub fn poll(self: &Arc<Self>) -> Option<StepResult> {
        self.stage.store(POLLED, Ordering::SeqCst);
        {
            // Only the one who polls holds this lock.
            let mut work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
            let polled = match self.is_aborted() {
                true => None,
                false => Some(self.poll_work(&mut work)?),
            };
            if !matches!(polled, Some(Poll::Pending)) {
                if !matches!(std::mem::replace(&mut *work, Work::Gone), Work::Gone) {
                    self.host.ended();
                }
                return polled.and_then(|polled| match polled {
                    Poll::Ready(result) => Some(result),
                    Poll::Pending => None,
                });
            }
        }
        let waits = self.stage.compare_exchange(POLLED, IDLE, Ordering::SeqCst, Ordering::SeqCst);
        if waits.is_err() {
            self.stage.store(QUEUED, Ordering::SeqCst);
            self.host.schedule(self.clone());
        }
        None
    }

    /// `None`: there is nothing left to poll.
    fn poll_work(self: &Arc<Self>, work: &mut Work) -> Option<Poll<StepResult>> {
        if let Work::New(..) = work
            && let Work::New(how, permit) = std::mem::replace(work, Work::Gone)
        {
            let emit = self.host.clone().emit(&self.owner);
            let attempt = attempt_of(self.host.env(), how, self.key.clone(), self.attempt, emit);
            *work = Work::Begun(match permit {
                None => attempt,
                Some(permit) => permit.hold(attempt).boxed(),
            });
        }
        let Work::Begun(attempt) = work else { return None };
        let waker = Waker::from(self.clone());
        Some(attempt.as_mut().poll(&mut Context::from_waker(&waker)))
    }
}

impl<C: Send + Sync> Wake for Task<C> {
    fn wake(self: Arc<Self>) {
        let next = |stage| match stage {
            IDLE => Some(QUEUED),
            POLLED => Some(WOKEN),
            _ => None,
        };
        let before = self.stage.fetch_update(Ordering::SeqCst, Ordering::SeqCst, next);
        if before == Ok(IDLE) {
            self.host.schedule(self.clone());
        }
    }
}
