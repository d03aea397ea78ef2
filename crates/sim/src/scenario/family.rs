//! Parents and children: a fan-out that is joined, children that fail, a
//! name that is taken, and monitors of others.

use super::definition::{PLAIN, Scenario, effect, ends};
use crate::outside::{Outside, Script};
use crate::user::User;
use greenroom_model::{Exit, Failure, ProcessId};
use greenroom_runtime::{Child, Ctx, Registry, join_all};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "family",
    about: "spawn, join_all, failing children, taken names, monitors",
    registry: |outside| {
        let outside = outside.clone();
        Registry::new()
            .kind("parent", parent)
            .kind("watcher", watcher)
            .kind("child", move |ctx, number| child(ctx, number, outside.clone()))
    },
    outside: |outside| {
        outside.script("work", Script { slow_ms: 15, value: 1, ..Script::default() });
    },
    users: || {
        vec![
            User::new()
                .starts("child", "taken", "7")
                .starts("parent", "p", "4")
                .starts("watcher", "w", "null"),
        ]
    },
    expect: |run| {
        let mut wrong = ends(run, "parent/p", "completed [8,\"odd\",\"already_exists\"]");
        wrong.extend(ends(
            run,
            "watcher/w",
            "completed [\"normal\",\"no such process\",\"normal\"]",
        ));
        wrong.extend(effect(run, "work", 7));
        wrong
    },
    timeless: true,
    ..PLAIN
};

async fn parent(ctx: Ctx, count: u64) -> Result<(u64, String, String), Failure> {
    let mut children = Vec::new();
    for number in 0..count {
        children.push(ctx.spawn("child", &(number * 2)).await?);
    }
    ctx.spawn("child", &100).key("alone").detached().await?;
    let joins: Vec<_> = children.iter().map(Child::join::<u64>).collect();
    let sums = join_all(joins).await;
    let mut sum = 0;
    for one in sums {
        sum += one?;
    }
    // Joined a second time, by another sort of wait.
    if let Exit::Normal(result) = children[0].exit().await? {
        sum += result.read::<u64>()?;
    }
    let odd = ctx.spawn("child", &3).await?.join::<u64>().await;
    let taken = ctx.spawn("child", &2).key("taken").await?.join::<u64>().await;
    let kind = |result: Result<u64, Failure>| {
        result.map_or_else(|failure| failure.kind.to_string(), |value| value.to_string())
    };
    Ok((sum - 4, kind(odd), kind(taken)))
}

async fn child(ctx: Ctx, number: u64, outside: Outside) -> Result<u64, Failure> {
    if number == 3 {
        return Err(Failure::new("odd", "three is odd"));
    }
    let value = outside.step(&ctx, "work").await?;
    if number == 6 {
        let grandchild = ctx.spawn("child", &0).await?;
        return Ok(value + number + grandchild.join::<u64>().await?);
    }
    Ok(value + number / 6)
}

async fn watcher(ctx: Ctx, _: ()) -> Result<Vec<String>, Failure> {
    let taken = ProcessId::new("child", "taken")?;
    let nobody = ProcessId::new("child", "nobody")?;
    let first = ctx.monitor(&taken).await?;
    let none = ctx.monitor(&nobody).await?;
    let again = ctx.monitor(&taken).await?;
    let words = [first, none, again].map(|exit| exit.to_string());
    Ok(words.into())
}
