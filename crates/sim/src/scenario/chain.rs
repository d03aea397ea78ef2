//! A chain of steps, some slow: each takes effect once, the sum is right.

use super::definition::{PLAIN, Scenario, effect, ends};
use crate::outside::{Outside, Script};
use crate::user::{User, Wish};
use greenroom_model::Failure;
use greenroom_runtime::{Ctx, Registry};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "chain",
    about: "a chain of steps, fast and slow",
    registry: |outside| {
        let outside = outside.clone();
        Registry::new().kind("chain", move |ctx, count| chain(ctx, count, outside.clone()))
    },
    outside: |outside| {
        outside.script("slow", Script { slow_ms: 30, value: 10, ..Script::default() });
        outside.script("fast", Script { value: 1, ..Script::default() });
    },
    users: || {
        vec![
            User::new().starts("chain", "a", "3").at(35, Wish::Stop).awaits(0, "chain/a"),
            User::new().starts("chain", "b", "2").awaits(0, "chain/b"),
        ]
    },
    expect: |run| {
        let mut wrong = ends(run, "chain/a", "completed 33");
        wrong.extend(ends(run, "chain/b", "completed 22"));
        wrong.extend(effect(run, "fast", 5));
        wrong.extend(effect(run, "slow", 5));
        wrong
    },
    timeless: true,
    ..PLAIN
};

async fn chain(ctx: Ctx, count: u64, outside: Outside) -> Result<u64, Failure> {
    let mut sum = 0;
    for done in 1..=count {
        sum += outside.step(&ctx, "fast").await?;
        sum += outside.step(&ctx, "slow").await?;
        ctx.set("done", &done)?;
    }
    Ok(sum)
}
