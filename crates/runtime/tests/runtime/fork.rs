//! Forks.

use crate::world::{Ran, World, counter};
use greenroom_runtime::model::{Failure, Seq, Status};
use greenroom_runtime::{Ctx, Registry};
use std::sync::atomic::Ordering;

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_does_only_what_was_not_done() {
    let (counts, calls) = counter();
    let registry = Registry::new().kind("forked", move |ctx: Ctx, _: ()| {
        let calls = calls.clone();
        async move {
            ctx.step("once", move |_| {
                calls.fetch_add(1, Ordering::Relaxed);
                async { Ran::Ok(1) }
            })
            .await?;
            ctx.recv().topic("go").await?.read::<u64>()
        }
    });
    let world = World::new(registry);
    let id = world.start("forked/1", "null").await;
    world.until(&id, Status::Receiving).await;
    let fork = world.node.fork(&id, Some(Seq(3)), Some("2"), "test").await.expect("forked");
    world.send(&id, "go", "10").await;
    world.send(&fork, "go", "20").await;
    assert_eq!(world.result(&id).await, "10");
    assert_eq!(world.result(&fork).await, "20");
    assert_eq!(counts.load(Ordering::Relaxed), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_keeps_the_names_its_history_ran_under() {
    let registry = Registry::new().kind("leaf", |_: Ctx, n: u64| async move { Ran::Ok(n) }).kind(
        "branch",
        |ctx: Ctx, _: ()| async move {
            let child = ctx.spawn("leaf", &1).await?;
            let first: u64 = child.join().await?;
            ctx.recv().topic("go").await?;
            let second: u64 = ctx.spawn("leaf", &2).await?.join().await?;
            Ok::<(u64, String), Failure>((first + second, ctx.id().to_string()))
        },
    );
    let world = World::new(registry);
    let id = world.start("branch/1", "null").await;
    world.until(&id, Status::Receiving).await;
    let fork = world.node.fork(&id, None, Some("2"), "test").await.expect("forked");
    for id in [&id, &fork] {
        world.send(id, "go", "1").await;
        assert_eq!(world.result(id).await, format!("[3,\"{id}\"]"));
    }
}
