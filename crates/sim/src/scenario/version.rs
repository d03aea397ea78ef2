//! A version marker, random values and state: the same on every replay.

use super::definition::{PLAIN, Scenario, effect};
use crate::outside::{Outside, Script};
use crate::user::User;
use greenroom_model::Failure;
use greenroom_runtime::{Ctx, Registry};
use std::time::Duration;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "version",
    about: "version markers, randomness, time and state that replay",
    registry: |outside| {
        let outside = outside.clone();
        Registry::new().kind("modern", move |ctx, ()| modern(ctx, outside.clone()))
    },
    outside: |outside| {
        outside.script("look", Script { slow_ms: 10, value: 1, ..Script::default() })
    },
    users: || vec![User::new().starts("modern", "a", "null")],
    expect: |run| {
        let mut wrong = effect(run, "look", 3);
        let end = run.seen.end("modern/a");
        if !end.starts_with("completed [2,true,3,") {
            wrong.push(format!("modern/a ended as {end}"));
        }
        wrong
    },
    exact: false,
    ..PLAIN
};

async fn modern(ctx: Ctx, outside: Outside) -> Result<(u32, bool, u64, String), Failure> {
    let (uuid, begun) = (ctx.uuid(), ctx.now());
    let mut looks = 0;
    looks += outside.step(&ctx, "look").await?;
    let version = ctx.version("second-look", 2);
    ctx.set("looks", &looks)?;
    if version > 1 {
        looks += outside.step(&ctx, "look").await?;
    }
    if ctx.random() < 0.5 {
        ctx.sleep(Duration::from_millis(10)).await?;
    }
    ctx.set("looks", &(looks + 1))?;
    looks += outside.step(&ctx, "look").await?;
    let same = ctx.get::<u64>("looks") == Some(looks) && ctx.version("second-look", 3) == version;
    Ok((version, same && ctx.now() >= begun, looks, uuid))
}
