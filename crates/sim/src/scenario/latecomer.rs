//! A spawn of a kind there is no code for, and a deploy that brings the code
//! while the parent sleeps: replay goes the way it went.

use super::definition::{PLAIN, Scenario, ends};
use crate::outside::{Outside, Script};
use crate::user::{User, Wish};
use greenroom_model::{Failure, Status};
use greenroom_runtime::{Ctx, Registry};
use std::time::Duration;

/// The switch that stands for the old binary, without the kind.
const OLD_CODE: &str = "old-code";

pub(super) const SCENARIO: Scenario = Scenario {
    name: "latecomer",
    about: "a spawn of a kind that is deployed later",
    registry: |outside| {
        let registry = Registry::new().kind("early", early);
        match outside.is_broken(OLD_CODE) {
            false => registry.kind("late", |_: Ctx, n: u64| async move { Ok::<u64, Failure>(n) }),
            true => registry,
        }
    },
    outside: |outside: &Outside| {
        outside.script(OLD_CODE, Script { fail_first: u32::MAX, ..Script::default() });
    },
    users: || {
        let sleeps = Wish::Until { id: "early/a".to_owned(), status: Status::Sleeping };
        vec![
            User::new()
                .starts("early", "a", "null")
                .at(1_000, sleeps)
                .at(1_000, Wish::Repair { name: OLD_CODE })
                .at(1_000, Wish::Stop),
        ]
    },
    expect: |run| ends(run, "early/a", "completed [\"unknown_kind\",\"5\"]"),
    ..PLAIN
};

async fn early(ctx: Ctx, (): ()) -> Result<(String, String), Failure> {
    let first = ctx.spawn("late", &4).await;
    let first =
        first.map_or_else(|failure| failure.kind.to_string(), |child| child.id().to_string());
    ctx.sleep(Duration::from_secs(3600)).await?;
    let second: u64 = ctx.spawn("late", &5).await?.join().await?;
    Ok((first, second.to_string()))
}
