//! Restarts: after a failure, from the beginning, and from an event.

use super::definition::{PLAIN, Scenario, ends};
use crate::outside::{Outside, Script};
use crate::user::{User, Wish};
use greenroom_model::{Failure, Retry, Status};
use greenroom_runtime::{Ctx, Registry, RestartFrom};

/// When two people ask for the same restart.
const TOGETHER_MS: u64 = 10_000_000;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "restart",
    about: "restart after a failure, from the start, from an event",
    registry: |outside| {
        let outside = outside.clone();
        Registry::new().kind("frail", move |ctx, key| frail(ctx, key, outside.clone()))
    },
    outside: |outside| {
        outside.script("before", Script { slow_ms: 5, value: 1, ..Script::default() });
        let broken = Some("broken");
        for name in ["weak-mend", "weak-fresh", "weak-back", "weak-twice"] {
            outside.script(
                name,
                Script {
                    fail_first: 1_000,
                    fatal: true,
                    failure_kind: broken,
                    value: 2,
                    ..Script::default()
                },
            );
        }
    },
    users: || {
        let fails = |key: &str| {
            let id = format!("frail/{key}");
            let failed = Wish::Until { id: id.clone(), status: Status::Failed };
            let input = format!("\"{key}\"");
            (User::new().starts("frail", key, &input).at(0, failed.clone()), id, failed)
        };
        let (mend, id, _) = fails("mend");
        let from = RestartFrom::Failure;
        let mend = mend.at(0, Wish::Repair { name: "weak-mend" }).at(0, Wish::Restart { id, from });
        let (fresh, id, failed) = fails("fresh");
        let fresh = fresh
            .at(0, Wish::Restart { id: id.clone(), from: RestartFrom::Start })
            .at(10_000, failed)
            .at(10_000, Wish::Repair { name: "weak-fresh" })
            .at(10_000, Wish::Restart { id, from });
        let (back, id, _) = fails("back");
        let back = back
            .at(0, Wish::Repair { name: "weak-back" })
            .at(0, Wish::RestartAt { id, event: "StepStarted" });
        let (twice, id, _) = fails("twice");
        let twice = twice
            .at(0, Wish::Repair { name: "weak-twice" })
            .at(TOGETHER_MS, Wish::RestartAlso { id: id.clone() });
        let too = User::new().at(TOGETHER_MS, Wish::RestartAlso { id });
        vec![mend, fresh, back, twice, too]
    },
    expect: |run| {
        let mut wrong = Vec::new();
        for id in ["frail/mend", "frail/fresh", "frail/back", "frail/twice"] {
            wrong.extend(ends(run, id, "completed [1,2,1]"));
        }
        let restarts = run.seen.count("frail/twice", "Restarted");
        if restarts != 1 {
            wrong.push(format!("two restarts at once made {restarts}"));
        }
        wrong
    },
    ..PLAIN
};

async fn frail(ctx: Ctx, key: String, outside: Outside) -> Result<(u64, u64, u64), Failure> {
    let first = outside.step(&ctx, "before").await?;
    ctx.set("stage", &1)?;
    let name = match key.as_str() {
        "mend" => "weak-mend",
        "fresh" => "weak-fresh",
        "twice" => "weak-twice",
        _ => "weak-back",
    };
    // Its failures are fatal; crashes must not use up what it may try.
    let weak = outside.step(&ctx, name).retry(Retry::attempts(50)).await?;
    ctx.set("stage", &2)?;
    let last = outside.step(&ctx, "before").await?;
    Ok((first, weak, last))
}
