//! A tree of processes, calls and steps that somebody cancels: each is told,
//! each undoes what it did.

use super::definition::{PLAIN, Scenario, effect, ends};
use crate::outside::{Outside, Script};
use crate::user::{User, Wish};
use greenroom_model::Failure;
use greenroom_runtime::{Ctx, Registry, join_all};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "tree",
    about: "cancel of a tree of processes, with compensation",
    registry: |outside| {
        let outside = outside.clone();
        Registry::new().kind("node", move |ctx, depth| node(ctx, depth, outside.clone()))
    },
    outside: |outside| {
        outside.script("endless", Script { hang_first: 1_000, ..Script::default() });
        outside.script("release", Script { slow_ms: 10, ..Script::default() });
    },
    users: || {
        vec![
            User::new()
                .starts("node", "root", "2")
                .at(60_000, Wish::Cancel { id: "node/root".to_owned() }),
        ]
    },
    expect: |run| {
        let mut wrong = effect(run, "reserve", 7);
        wrong.extend(effect(run, "release", 7));
        wrong.extend(ends(run, "node/root", "cancelled cancelled: no longer wanted"));
        for loaded in &run.seen.processes {
            if loaded.row.status != greenroom_model::Status::Cancelled {
                wrong.push(format!("{} is {}", loaded.row.id, loaded.row.status));
            }
        }
        wrong
    },
    ..PLAIN
};

async fn node(ctx: Ctx, depth: u64, outside: Outside) -> Result<(), Failure> {
    let undo = outside.clone();
    outside
        .step(&ctx, "reserve")
        .compensate("release", move |step| undo.call(step, "release"))
        .await?;
    if depth == 0 {
        outside.step(&ctx, "endless").await?;
        return Ok(());
    }
    let left = ctx.spawn("node", &(depth - 1)).await?;
    let right = ctx.spawn("node", &(depth - 1)).await?;
    let both = join_all([left.exit(), right.exit()]).await;
    if let Some(reason) = ctx.cancelled() {
        ctx.cancel(left.id(), &reason);
        ctx.cancel(right.id(), &reason);
        join_all([left.exit(), right.exit()]).await;
    }
    both.into_iter().collect::<Result<Vec<_>, Failure>>()?;
    Ok(())
}
