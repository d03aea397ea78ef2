//! Steps that fail and are retried, fail for good, take too long, or fall
//! silent.

use super::definition::{PLAIN, Scenario, effect, ends};
use crate::outside::{Outside, Script};
use crate::user::User;
use greenroom_model::{Failure, Retry};
use greenroom_runtime::{Ctx, Registry};
use std::time::Duration;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "retry",
    about: "retries, non-retryable failures, timeouts, heartbeats",
    registry: |outside| {
        let outside = outside.clone();
        Registry::new().kind("retry", move |ctx, ()| retry(ctx, outside.clone()))
    },
    outside: |outside| {
        outside.script("flaky", Script { fail_first: 3, value: 1, ..Script::default() });
        let declined = Some("declined");
        outside.script(
            "declined",
            Script { fail_first: 100, failure_kind: declined, ..Script::default() },
        );
        outside.script("fatal", Script { fail_first: 100, fatal: true, ..Script::default() });
        outside.script("stuck", Script { hang_first: 1, value: 2, ..Script::default() });
        outside.script(
            "long",
            Script { slow_ms: 400, beat_ms: Some(40), value: 3, ..Script::default() },
        );
        outside.script("silent", Script { hang_first: 2, value: 4, ..Script::default() });
    },
    users: || vec![User::new().starts("retry", "a", "null")],
    expect: |run| {
        let mut wrong =
            ends(run, "retry/a", "completed [\"1\",\"declined\",\"outside\",\"2\",\"3\",\"4\"]");
        for name in ["flaky", "stuck", "long", "silent"] {
            wrong.extend(effect(run, name, 1));
        }
        wrong
    },
    ..PLAIN
};

async fn retry(ctx: Ctx, outside: Outside) -> Result<Vec<String>, Failure> {
    let patient = || Retry { first_delay: Duration::from_millis(20), ..Retry::attempts(60) };
    let picky = Retry { non_retryable: vec!["declined".into()], ..patient() };
    let limit = Duration::from_millis(100);
    let flaky = outside.step(&ctx, "flaky").retry(patient()).await;
    let declined = outside.step(&ctx, "declined").retry(picky).await;
    let fatal = outside.step(&ctx, "fatal").retry(patient()).await;
    let stuck = outside.step(&ctx, "stuck").retry(patient()).timeout(limit).await;
    let long = outside.step(&ctx, "long").retry(patient()).heartbeat_timeout(limit).await;
    let silent = outside.step(&ctx, "silent").retry(patient()).heartbeat_timeout(limit).await;
    let words = |result: Result<u64, Failure>| {
        result.map_or_else(|failure| failure.kind.to_string(), |value| value.to_string())
    };
    Ok([flaky, declined, fatal, stuck, long, silent].map(words).into())
}
