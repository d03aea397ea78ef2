//! A process that is sent the numbers from 1 on.

use crate::service;
use greenroom::{Ctx, Failure, Retry};
use serde::{Deserialize, Serialize};

/// How many numbers it takes before it begins a new segment of its journal.
const SEGMENT: u64 = 50;
/// How often one call is attempted.
const ATTEMPTS: u32 = 1_000;
/// At every so manieth number it calls the service.
const CALLS_EVERY: u64 = 5;

/// Where it stands.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct Counter {
    /// How many numbers it is sent in all.
    pub rounds: u64,
    /// The last one it has had.
    #[serde(default)]
    pub last: u64,
}

pub async fn counter(ctx: Ctx, mut state: Counter) -> Result<u64, Failure> {
    for _ in 0..SEGMENT {
        if state.last == state.rounds {
            return Ok(state.last);
        }
        let message = ctx.recv().topic("n").await?;
        let n: u64 = message.read()?;
        if n != state.last + 1 {
            return Err(Failure::msg(format!("{n} came after {}", state.last)));
        }
        if n.is_multiple_of(CALLS_EVERY) {
            // A campaign of many kills may catch one step again and again.
            let call = ctx.step("call", move |step| service::call(n, step));
            let called: u64 = call.retry(Retry::attempts(ATTEMPTS)).await?;
            if called != n {
                return Err(Failure::msg(format!("the service answered {called} to {n}")));
            }
        }
        state.last = n;
    }
    ctx.continue_as_new(&state)
}
