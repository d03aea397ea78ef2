//! One attempt of a step as a future, within its limits. Knows no process.

use crate::code::{Attempt, Emit, StepResult};
use crate::env::Env;
use crate::local::panicked;
use futures_util::FutureExt;
use futures_util::future::{self, BoxFuture, Either};
use greenroom_model::{Failure, failure};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

/// One attempt, within its limits; a panic is a failure like any other.
pub(super) fn attempt_of(
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
