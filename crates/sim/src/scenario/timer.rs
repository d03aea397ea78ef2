//! Sleeps, short and of weeks, side by side and one after the other.

use super::definition::{PLAIN, Scenario, effect, ends};
use crate::outside::Outside;
use crate::user::User;
use greenroom_model::Failure;
use greenroom_runtime::{Ctx, Registry, join_all};
use std::time::Duration;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "timer",
    about: "sleeps and timers, of milliseconds and of weeks",
    registry: |outside| {
        let outside = outside.clone();
        Registry::new().kind("sleeper", move |ctx, weeks| sleeper(ctx, weeks, outside.clone()))
    },
    users: || {
        vec![User::new().starts("sleeper", "a", "3"), User::new().starts("sleeper", "b", "0")]
    },
    expect: |run| {
        let mut wrong = ends(run, "sleeper/a", "completed true");
        wrong.extend(ends(run, "sleeper/b", "completed true"));
        wrong.extend(effect(run, "wake", 2));
        wrong
    },
    ..PLAIN
};

async fn sleeper(ctx: Ctx, weeks: u64, outside: Outside) -> Result<bool, Failure> {
    let begun = ctx.now();
    ctx.sleep(Duration::from_millis(3)).await?;
    ctx.sleep(Duration::from_secs(weeks * 7 * 24 * 3600)).await?;
    let naps = join_all([30, 10, 20].map(|ms| ctx.sleep(Duration::from_millis(ms)))).await;
    naps.into_iter().collect::<Result<Vec<()>, Failure>>()?;
    outside.step(&ctx, "wake").await?;
    let slept = ctx.now().since(begun);
    Ok(slept >= Duration::from_millis(33 + weeks * 7 * 24 * 3_600_000))
}
