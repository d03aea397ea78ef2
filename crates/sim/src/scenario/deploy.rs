//! A deploy of code that does not fit what runs: the process is parked, says
//! why, and goes on where it was once the old code is back.

use super::definition::{PLAIN, Scenario, effect, ends};
use crate::outside::{Outside, Script};
use crate::user::{User, Wish};
use greenroom_model::{Failure, Retry, Status};
use greenroom_runtime::{Ctx, Registry};
use std::time::Duration;

/// The switch that stands for the new binary.
const NEW_CODE: &str = "new-code";

pub(super) const SCENARIO: Scenario = Scenario {
    name: "deploy",
    about: "code that does not fit its journal: parked, resumed, cancelled",
    registry: |outside| {
        let outside = outside.clone();
        Registry::new().kind("flow", move |ctx, ()| flow(ctx, outside.clone()))
    },
    outside: |outside| {
        outside.script(NEW_CODE, Script::default());
        outside.script("other", Script { hang_first: 1_000, ..Script::default() });
        outside.script("first", Script { value: 1, ..Script::default() });
        outside.script("second", Script { value: 2, slow_ms: 10, ..Script::default() });
    },
    users: || {
        let parked = |key: &str| Wish::Until { id: format!("flow/{key}"), status: Status::Parked };
        let asleep =
            |key: &str| Wish::Until { id: format!("flow/{key}"), status: Status::Sleeping };
        vec![
            User::new()
                .starts("flow", "a", "null")
                .starts("flow", "b", "null")
                .at(1_000, asleep("a"))
                .at(1_000, asleep("b"))
                .at(1_000, Wish::Break { name: NEW_CODE })
                .at(1_000, Wish::Stop)
                .sends(5_000, "flow/a", "go", "5")
                .sends(5_000, "flow/b", "go", "5")
                .at(7_200_000, parked("a"))
                .at(7_200_000, parked("b"))
                .at(7_200_000, Wish::Cancel { id: "flow/b".to_owned() })
                .at(7_300_000, Wish::Until { id: "flow/b".to_owned(), status: Status::Cancelled })
                .at(7_300_000, Wish::Repair { name: NEW_CODE })
                .at(7_300_000, Wish::Resume { id: "flow/a".to_owned() })
                .awaits(7_300_000, "flow/a"),
        ]
    },
    expect: |run| {
        let mut wrong = ends(run, "flow/a", "completed [1,2,5]");
        wrong.extend(ends(run, "flow/b", "cancelled cancelled: no longer wanted"));
        wrong.extend(effect(run, "second", 1));
        wrong
    },
    ..PLAIN
};

async fn flow(ctx: Ctx, outside: Outside) -> Result<(u64, u64, u64), Failure> {
    let first = if outside.is_broken(NEW_CODE) { "other" } else { "first" };
    // A step that waits before its next attempt is asleep as well, and the
    // users want to see the sleep after it.
    let at_once = Retry { first_delay: Duration::ZERO, ..Retry::attempts(50) };
    let first = outside.step(&ctx, first).retry(at_once).await?;
    ctx.sleep(Duration::from_secs(3600)).await?;
    let second = outside.step(&ctx, "second").await?;
    let message: u64 = ctx.recv().await?.read()?;
    Ok((first, second, message))
}
