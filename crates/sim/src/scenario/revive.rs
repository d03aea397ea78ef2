//! Processes that end and are brought back while only one may stay in memory,
//! with mail on its way to each.

use super::{PLAIN, Scenario, ends};
use crate::outside::{Outside, Script};
use crate::user::{User, Wish};
use greenroom_model::{Failure, Status};
use greenroom_runtime::{Ctx, Registry, RestartFrom};
use std::time::Duration;

/// How many processes.
const COUNT: u64 = 3;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "revive",
    about: "ended processes brought back, with one in memory",
    registry: |outside| {
        let outside = outside.clone();
        Registry::new().kind("phoenix", move |ctx, ()| phoenix(ctx, outside.clone()))
    },
    outside: |outside| {
        outside.script("fire", Script { slow_ms: 9, fail_first: u32::MAX, value: 1, ..Script::default() });
        outside.script("ash", Script { slow_ms: 9, value: 2, ..Script::default() });
    },
    users: || {
        let mut users: Vec<User> = (0..COUNT)
            .map(|number| {
                let id = format!("phoenix/{number}");
                User::new()
                    .starts("phoenix", &number.to_string(), "null")
                    .sends(100, &id, "first", "1")
                    .at(1_000, Wish::Until { id: id.clone(), status: Status::Failed })
                    .at(1_000_000, Wish::Restart { id: id.clone(), from: RestartFrom::Failure })
                    .sends(1_100_000, &id, "second", "2")
                    .awaits(1_100_000, &id)
            })
            .collect();
        users.push(User::new().at(900_000, Wish::Repair { name: "fire" }));
        users
    },
    expect: |run| {
        (0..COUNT).flat_map(|number| ends(run, &format!("phoenix/{number}"), "completed 6")).collect()
    },
    resident_max: Some(1),
    // An unanswered restart is asked for again, and may come to more.
    exact: false,
    ..PLAIN
};

async fn phoenix(ctx: Ctx, outside: Outside) -> Result<u64, Failure> {
    let mut sum = ctx.recv().topic("first").await?.read::<u64>()?;
    sum += outside.step(&ctx, "ash").await?;
    sum += outside.step(&ctx, "fire").await?;
    ctx.sleep(Duration::from_secs(3600)).await?;
    sum += ctx.recv().topic("second").await?.read::<u64>()?;
    Ok(sum)
}
