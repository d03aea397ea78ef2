//! Forks: one that copies a process with a timer and a step open, and goes its
//! own way.

use super::definition::{PLAIN, Scenario, ends};
use crate::outside::{Outside, Script};
use crate::user::{User, Wish};
use greenroom_model::Failure;
use greenroom_runtime::{Ctx, Registry, join_all};
use std::time::Duration;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "fork",
    about: "a fork with a timer and steps open",
    registry: |outside| {
        let outside = outside.clone();
        Registry::new().kind("path", move |ctx, ()| path(ctx, outside.clone()))
    },
    outside: |outside| {
        outside.script("first", Script { value: 1, ..Script::default() });
        outside.script("side", Script { slow_ms: 10_000, value: 2, ..Script::default() });
    },
    users: || {
        let fork =
            |event, key: &str| Wish::Fork { id: "path/a".to_owned(), event, key: key.to_owned() };
        vec![
            User::new()
                .starts("path", "a", "null")
                .at(5_000, fork("TimerStarted", "b"))
                .sends(600_000, "path/a", "go", "10")
                .sends(700_000, "path/b", "go", "20")
                .at(800_000, fork("StepCompleted", "c"))
                .sends(900_000, "path/c", "go", "30"),
        ]
    },
    expect: |run| {
        let mut wrong = ends(run, "path/a", "completed [1,4,10]");
        wrong.extend(ends(run, "path/b", "completed [1,4,20]"));
        wrong.extend(ends(run, "path/c", "completed [1,4,30]"));
        wrong
    },
    ..PLAIN
};

async fn path(ctx: Ctx, outside: Outside) -> Result<(u64, u64, u64), Failure> {
    let first = outside.step(&ctx, "first").await?;
    ctx.set("first", &first)?;
    let sides = [outside.step(&ctx, "side"), outside.step(&ctx, "side")];
    let nap = ctx.sleep(Duration::from_secs(60));
    let sides = join_all(sides);
    let (sides, nap) = futures_util::future::join(sides, nap).await;
    nap?;
    let mut sum = 0;
    for side in sides {
        sum += side?;
    }
    let message: u64 = ctx.recv().timeout(Duration::from_secs(360_000)).await?.read()?;
    Ok((first, sum, message))
}
