//! Pause and resume: while a step runs, while messages come, while a timer is
//! due; and a kill in the middle of a step.

use super::definition::{PLAIN, Scenario, effect, ends};
use crate::outside::{Outside, Script};
use crate::user::{User, Wish};
use greenroom_model::{Failure, Status};
use greenroom_runtime::{Ctx, Registry};
use std::time::Duration;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "hold",
    about: "pause and resume; kill while a step runs",
    registry: |outside| {
        let (busy, doomed) = (outside.clone(), outside.clone());
        Registry::new().kind("busy", move |ctx, ()| busy_work(ctx, busy.clone())).kind(
            "doomed",
            move |ctx, ()| {
                let doomed = doomed.clone();
                async move { doomed.step(&ctx, "vain").await }
            },
        )
    },
    outside: |outside| {
        outside.script("long", Script { slow_ms: 60_000, value: 5, ..Script::default() });
        outside.script("vain", Script { hang_first: 1_000, ..Script::default() });
        outside.script("short", Script { slow_ms: 10, value: 1, ..Script::default() });
    },
    users: || {
        let id = || "busy/a".to_owned();
        let until = |status| Wish::Until { id: id(), status };
        vec![
            User::new()
                .starts("busy", "a", "null")
                .at(5_000, Wish::Pause { id: id() })
                .at(5_000, until(Status::Paused))
                .sends(90_000, "busy/a", "hello", "3")
                .at(100_000, Wish::Resume { id: id() })
                .at(100_000, until(Status::Sleeping))
                .at(110_000, Wish::Pause { id: id() })
                .at(110_000, until(Status::Paused))
                .at(20_000_000, Wish::Resume { id: id() }),
            User::new()
                .starts("doomed", "b", "null")
                .at(1_000, Wish::Kill { id: "doomed/b".to_owned() }),
        ]
    },
    expect: |run| {
        let mut wrong = ends(run, "busy/a", "completed [5,3,1]");
        wrong.extend(ends(run, "doomed/b", "cancelled killed: enough"));
        wrong.extend(effect(run, "long", 1));
        wrong.extend(effect(run, "vain", 0));
        wrong
    },
    ..PLAIN
};

async fn busy_work(ctx: Ctx, outside: Outside) -> Result<(u64, u64, u64), Failure> {
    let long = outside.step(&ctx, "long").await?;
    let message: u64 = ctx.recv().await?.read()?;
    ctx.sleep(Duration::from_secs(3600)).await?;
    let short = outside.step(&ctx, "short").await?;
    Ok((long, message, short))
}
