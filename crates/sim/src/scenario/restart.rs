//! Restarts: after a failure, from the beginning, and from an event.

use super::definition::{PLAIN, Scenario, ends};
use crate::outside::{Outside, Script};
use crate::user::{User, Wish};
use greenroom_model::{Failure, Retry, Status};
use greenroom_runtime::{Ctx, Registry, RestartFrom};

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
        for name in ["weak-mend", "weak-fresh", "weak-back"] {
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
        vec![mend, fresh, back]
    },
    expect: |run| {
        let mut wrong = Vec::new();
        for id in ["frail/mend", "frail/fresh", "frail/back"] {
            wrong.extend(ends(run, id, "completed [1,2,1]"));
        }
        wrong
    },
    // An unanswered restart is asked for again, and may come to more.
    exact: false,
    ..PLAIN
};

async fn frail(ctx: Ctx, key: String, outside: Outside) -> Result<(u64, u64, u64), Failure> {
    let first = outside.step(&ctx, "before").await?;
    ctx.set("stage", &1)?;
    let name = match key.as_str() {
        "mend" => "weak-mend",
        "fresh" => "weak-fresh",
        _ => "weak-back",
    };
    // Its failures are fatal; crashes must not use up what it may try.
    let weak = outside.step(&ctx, name).retry(Retry::attempts(50)).await?;
    ctx.set("stage", &2)?;
    let last = outside.step(&ctx, "before").await?;
    Ok((first, weak, last))
}
