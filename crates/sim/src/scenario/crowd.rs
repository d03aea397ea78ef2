//! A crowd of which one may stay in memory: every message brings a process
//! back from its rows.

use super::definition::{PLAIN, Scenario, effect, ends};
use crate::outside::{Outside, Script};
use crate::user::User;
use greenroom_model::Failure;
use greenroom_runtime::{Ctx, Registry};
use std::time::Duration;

/// How many processes.
const CROWD: u64 = 5;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "crowd",
    about: "passivation: many processes, one in memory",
    registry: |outside| {
        let outside = outside.clone();
        Registry::new().kind("one", move |ctx, ()| one(ctx, outside.clone()))
    },
    outside: |outside| outside.script("note", Script { slow_ms: 7, value: 1, ..Script::default() }),
    users: || {
        let user = |number: u64| {
            let id = format!("one/{number}");
            User::new()
                .starts("one", &number.to_string(), "null")
                .sends(10 + number, &id, "first", "1")
                .sends(20 + number, &id, "second", "2")
                .sends(100_000, &id, "third", "3")
        };
        (0..CROWD).map(user).collect()
    },
    expect: |run| {
        let mut wrong = effect(run, "note", 2 * CROWD);
        for number in 0..CROWD {
            wrong.extend(ends(run, &format!("one/{number}"), "completed 6"));
        }
        wrong
    },
    resident_max: Some(1),
    ..PLAIN
};

async fn one(ctx: Ctx, outside: Outside) -> Result<u64, Failure> {
    let mut sum = ctx.recv().await?.read::<u64>()?;
    outside.step(&ctx, "note").await?;
    sum += ctx.recv().await?.read::<u64>()?;
    ctx.sleep(Duration::from_secs(10)).await?;
    outside.step(&ctx, "note").await?;
    sum += ctx.recv().timeout(Duration::from_secs(900_000)).await?.read::<u64>()?;
    Ok(sum)
}
