//! Running steps: only after the commit that intended them is durable.

use super::cell::{Cell, Live, StepDone};
use super::state::Engine;
use crate::code::{Attempt, Emit, StepResult};
use crate::env::Env;
use crate::local::panicked;
use futures_util::FutureExt;
use futures_util::future::{self, BoxFuture, Either};
use greenroom_model::{Event, Failure, Millis, Op, failure};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

impl Engine {
    /// Starts every step that is intended and not under way. A step that is
    /// done at the first poll costs no task.
    pub(super) fn launch(self: &Arc<Self>, cell: &Arc<Cell>, live: &mut Live) {
        let mut intended = std::mem::take(&mut live.intended);
        if live.activation.is_none() {
            return;
        }
        intended.sort_unstable();
        intended.dedup();
        let due: Vec<(Op, u32)> =
            intended.into_iter().filter_map(|op| Some((op, attempt_due(live, op)?))).collect();
        if live.is_held() || self.is_draining() {
            live.found.extend(due.into_iter().map(|(op, attempt)| held_back(live.at, op, attempt)));
            return;
        }
        for (op, attempt) in due {
            self.launch_one(cell, live, op, attempt);
        }
    }

    fn launch_one(self: &Arc<Self>, cell: &Arc<Cell>, live: &mut Live, op: Op, attempt: u32) {
        let Some(how) = live.activation.as_ref().and_then(|code| code.step(op)) else {
            return;
        };
        let key: Arc<str> = format!("{}#{op}", live.facts.id).into();
        let (engine, no) = (self.clone(), cell.no);
        let emit: Emit = Arc::new(move |value| engine.emit(no, value));
        let mut work = attempt_of(self.env.clone(), how, key, attempt, emit);
        let mut context = Context::from_waker(Waker::noop());
        match work.as_mut().poll(&mut context) {
            Poll::Ready(result) => live.done.push_back(StepDone { op, attempt, result }),
            Poll::Pending => {
                let (work, handle) = future::abortable(work);
                live.running.insert(op, handle);
                let (engine, cell) = (self.clone(), cell.clone());
                self.busy.fetch_add(1, Ordering::AcqRel);
                self.env.spawn(Box::pin(async move {
                    if let Ok(result) = work.await {
                        cell.inbox().done.push(StepDone { op, attempt, result });
                        engine.enqueue(&cell);
                    }
                    engine.busy.fetch_sub(1, Ordering::AcqRel);
                }));
            }
        }
    }
}

/// The attempt of a step that is to begin now, if one is.
fn attempt_due(live: &Live, op: Op) -> Option<u32> {
    let step = live.ledger.steps.get(&op)?;
    let due = step.begun && step.retry_at.is_none() && !live.running.contains_key(&op);
    due.then_some(step.attempts + 1)
}

/// A step that was to run and has not been begun, since the process was paused
/// or the node stops. Without this record the next node could not tell it from
/// one that may have had its effect.
fn held_back(at: Millis, op: Op, attempt: u32) -> Event {
    let failure =
        Failure::new("held_back", "it was not begun: the process or the node was stopped");
    Event::StepRetrying { op, attempt: attempt - 1, failure, retry_at: at }
}

/// One attempt, within its limits; a panic is a failure like any other.
fn attempt_of(
    env: Arc<dyn Env>,
    how: Attempt,
    key: Arc<str>,
    attempt: u32,
    emit: Emit,
) -> BoxFuture<'static, StepResult> {
    let begun = catch_unwind(AssertUnwindSafe(|| (how.run)(key, attempt, emit)));
    let work = match begun {
        Ok(work) => work,
        Err(panic) => return future::ready(Err(panicked(&*panic))).boxed(),
    };
    let work = AssertUnwindSafe(work)
        .catch_unwind()
        .map(|result| result.unwrap_or_else(|panic| Err(panicked(&*panic))));
    let work = match how.timeout {
        Some(limit) => within(work, env.clone(), limit).boxed(),
        None => work.boxed(),
    };
    match how.heartbeat_timeout {
        Some(limit) => alive(work, env, limit, how.beats).boxed(),
        None => work,
    }
}

async fn within(
    work: impl Future<Output = StepResult> + Send,
    env: Arc<dyn Env>,
    limit: Duration,
) -> StepResult {
    let work = std::pin::pin!(work);
    match future::select(work, env.sleep(limit)).await {
        Either::Left((result, _)) => result,
        Either::Right(_) => {
            Err(Failure::new(failure::TIMEOUT, format!("the attempt took longer than {limit:?}")))
        }
    }
}

async fn alive(
    work: impl Future<Output = StepResult> + Send,
    env: Arc<dyn Env>,
    limit: Duration,
    beats: Arc<dyn Fn() -> u64 + Send + Sync>,
) -> StepResult {
    let mut work = std::pin::pin!(work);
    loop {
        let before = beats();
        match future::select(work, env.sleep(limit)).await {
            Either::Left((result, _)) => return result,
            Either::Right((_, unfinished)) => work = unfinished,
        }
        if beats() == before {
            let words = format!("the attempt gave no heartbeat for {limit:?}");
            return Err(Failure::new(failure::TIMEOUT, words));
        }
    }
}
