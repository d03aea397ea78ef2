//! The attempts of a step, each within its limits.

use crate::code::{Attempt, Emit, StepResult};
use crate::env::Env;
use crate::failed::panicked;
use futures_util::FutureExt;
use futures_util::future::{self, Either};
use greenroom_model::{Failure, RetryDecision, failure};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

/// Attempts, one after another, until one succeeds or the policy gives up.
pub(crate) async fn attempts(
    env: Arc<dyn Env>,
    how: Attempt,
    key: Arc<str>,
    emit: Emit,
) -> StepResult {
    let mut attempt = 1;
    loop {
        let result = one(&*env, &how, key.clone(), attempt, emit.clone()).await;
        let Err(failure) = result else {
            return result;
        };
        // Jitter only sets apart those who wait; any draw will do.
        let chance = (env.seed() >> 11) as f64 / (1u64 << 53) as f64;
        match how.retry.decide(attempt, &failure, chance) {
            RetryDecision::After(wait) => env.sleep(wait).await,
            RetryDecision::GiveUp => return Err(failure),
        }
        attempt += 1;
    }
}

/// One attempt; a panic is a failure like any other.
async fn one(env: &dyn Env, how: &Attempt, key: Arc<str>, attempt: u32, emit: Emit) -> StepResult {
    let begun = catch_unwind(AssertUnwindSafe(|| (how.run)(key, attempt, emit)));
    let work = begun.map_err(|panic| panicked(&*panic))?;
    let work = AssertUnwindSafe(work)
        .catch_unwind()
        .map(|result| result.unwrap_or_else(|panic| Err(panicked(&*panic))));
    let mut work = std::pin::pin!(work);
    let mut late = match how.timeout {
        Some(limit) => env.sleep(limit),
        None => future::pending().boxed(),
    };
    loop {
        let before = (how.beats)();
        let silent = match how.heartbeat_timeout {
            Some(limit) => env.sleep(limit),
            None => future::pending().boxed(),
        };
        match future::select(work.as_mut(), future::select(&mut late, silent)).await {
            Either::Left((result, _)) => return result,
            Either::Right((Either::Left(_), _)) => {
                return Err(timed_out("the attempt took longer than", how.timeout));
            }
            Either::Right((Either::Right(_), _)) if (how.beats)() == before => {
                return Err(timed_out("the attempt gave no heartbeat for", how.heartbeat_timeout));
            }
            Either::Right((Either::Right(_), _)) => {}
        }
    }
}

fn timed_out(words: &str, limit: Option<Duration>) -> Failure {
    Failure::new(failure::TIMEOUT, format!("{words} {:?}", limit.unwrap_or_default()))
}
