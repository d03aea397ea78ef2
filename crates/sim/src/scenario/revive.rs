//! Processes that end and are brought back while only one may stay in memory,
//! with mail on its way to each.

use super::definition::{PLAIN, Scenario, ends};
use crate::outside::{Outside, Script};
use crate::user::{User, Wish};
use greenroom_model::{Failure, Status};
use greenroom_runtime::{Ctx, Registry, RestartFrom};
use std::time::Duration;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "revive",
    about: "ended processes brought back, with one in memory",
    registry: |outside| {
        let outside = outside.clone();
        Registry::new().kind("phoenix", move |ctx, ()| phoenix(ctx, outside.clone()))
    },
    outside: |outside| {
        outside.script(
            "fire",
            Script { slow_ms: 400, fail_first: u32::MAX, value: 1, ..Script::default() },
        );
        outside.script("ash", Script { slow_ms: 9, value: 2, ..Script::default() });
    },
    users: || {
        let start = |key: &str| Wish::Start {
            kind: "phoenix",
            key: key.to_owned(),
            input: "null".to_owned(),
        };
        let mut users: Vec<User> = ["alone", "b", "c"]
            .into_iter()
            .enumerate()
            .map(|(place, key)| {
                let id = format!("phoenix/{key}");
                let begin = place as u64 * 10_000;
                User::new()
                    .at(begin, start(key))
                    .sends(begin + 100, &id, "first", "1")
                    .at(begin + 1_000, Wish::Until { id: id.clone(), status: Status::Failed })
                    .at(1_000_000, Wish::Restart { id: id.clone(), from: RestartFrom::Failure })
                    .sends(1_100_000, &id, "second", "2")
                    .awaits(1_100_000, &id)
            })
            .collect();
        // Another takes the one place in memory while these are at work.
        let others = ["alone", "b", "c"].map(|key| format!("phoenix/{key}"));
        let mut late =
            User::new().at(900_000, Wish::Repair { name: "fire" }).at(1_000_100, start("late"));
        for id in &others {
            late = late.sends(1_000_200, id, "noise", "0");
        }
        users.push(late.sends(1_000_300, "phoenix/late", "first", "1").sends(
            1_000_300,
            "phoenix/late",
            "second",
            "2",
        ));
        users
    },
    expect: |run| {
        let ids = ["alone", "b", "c", "late"].map(|key| format!("phoenix/{key}"));
        ids.iter().flat_map(|id| ends(run, id, "completed 6")).collect()
    },
    resident_max: Some(1),
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
