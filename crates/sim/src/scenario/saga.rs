//! A saga: what was done is undone, last first, when a later step fails for
//! good, and when somebody cancels.

use super::definition::{PLAIN, Scenario, effect, ends};
use crate::outside::{Outside, Script};
use crate::user::{User, Wish};
use greenroom_model::Failure;
use greenroom_runtime::{Ctx, Registry};
use std::time::Duration;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "saga",
    about: "compensation on failure and on cancel",
    registry: |outside| {
        let outside = outside.clone();
        Registry::new().kind("trip", move |ctx, wait| trip(ctx, wait, outside.clone()))
    },
    outside: |outside| {
        outside.script("pay", Script { fail_first: 1000, fatal: true, ..Script::default() });
        outside.script("cancel-car", Script { slow_ms: 20, ..Script::default() });
    },
    users: || {
        let cancel = Wish::Cancel { id: "trip/b".to_owned() };
        vec![
            User::new().starts("trip", "a", "0"),
            User::new().starts("trip", "b", "1000000").at(60_000, cancel),
        ]
    },
    expect: |run| {
        let mut wrong = ends(run, "trip/a", "failed error: outside: pay failed");
        wrong.extend(ends(run, "trip/b", "cancelled cancelled: no longer wanted"));
        for name in ["book-car", "book-hotel", "cancel-car", "cancel-hotel"] {
            wrong.extend(effect(run, name, 2));
        }
        wrong.extend(effect(run, "pay", 0));
        let undone: Vec<&String> =
            run.order.iter().filter(|name| name.starts_with("cancel")).collect();
        if undone.first().is_none_or(|first| *first != "cancel-hotel") {
            wrong.push(format!("undone in the order {undone:?}"));
        }
        wrong
    },
    ..PLAIN
};

async fn trip(ctx: Ctx, wait_ms: u64, outside: Outside) -> Result<(), Failure> {
    let (car, hotel) = (outside.clone(), outside.clone());
    outside
        .step(&ctx, "book-car")
        .compensate("cancel-car", move |step| car.call(step, "cancel-car"))
        .await?;
    outside
        .step(&ctx, "book-hotel")
        .compensate("cancel-hotel", move |step| hotel.call(step, "cancel-hotel"))
        .await?;
    ctx.sleep(Duration::from_millis(wait_ms)).await?;
    outside.step(&ctx, "pay").await?;
    Ok(())
}
