//! New segments and new code.

use crate::world::{Ran, World};
use greenroom_runtime::model::Status;
use greenroom_runtime::{Ctx, Registry};

#[tokio::test(flavor = "multi_thread")]
async fn continue_as_new_carries_state_and_bounds_replay() {
    let registry = Registry::new().kind("loop", |ctx: Ctx, n: u64| async move {
        ctx.step("work", move |_| async move { Ran::Ok(n) }).await?;
        ctx.set("at", &n)?;
        if n < 100 { ctx.continue_as_new(&(n + 1)) } else { Ran::Ok(n) }
    });
    let world = World::new(registry);
    let id = world.start("loop/1", "0").await;
    assert_eq!(world.result(&id).await, "100");
    let state = world.node.state(&id).await.expect("state");
    assert_eq!(state[0].value.text(), Some("100"));
    let row = world.node.process(&id).await.expect("row");
    assert!(row.seq.0 - row.segment.0 < 10, "{row:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_code_is_parked_with_a_diff_and_goes_on_when_it_fits() {
    let shop = |second: &'static str| {
        Registry::new().kind("shop", move |ctx: Ctx, _: ()| async move {
            ctx.step("reserve", |_| async { Ran::Ok(1) }).await?;
            ctx.step(second, |_| async { Ran::Ok(1) }).await?;
            ctx.recv().await?;
            Ran::Ok(7)
        })
    };
    let world = World::new(shop("charge"));
    let id = world.start("shop/1", "null").await;
    world.until(&id, Status::Receiving).await;
    let world = world.deploy(shop("ship")).await;
    let rehearsal = world.node.rehearse(&id).await.expect("rehearsed");
    assert!(rehearsal.divergence.is_some());
    world.send(&id, "go", "1").await;
    world.until(&id, Status::Parked).await;
    let parked = format!("{:?}", world.events(&id).await.last());
    assert!(parked.contains("-     4  StepStarted charge"), "{parked}");
    assert!(parked.contains("+     4  StepStarted ship"), "{parked}");
    let world = world.deploy(shop("charge")).await;
    world.node.resume(&id, "test").await.expect("resumed");
    assert_eq!(world.result(&id).await, "7");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_marker_keeps_old_processes_on_the_old_path() {
    let before = Registry::new().kind("v", |ctx: Ctx, _: ()| async move {
        ctx.recv().await?;
        ctx.step("old", |_| async { Ran::Ok(1) }).await
    });
    let after = Registry::new().kind("v", |ctx: Ctx, _: ()| async move {
        let version = ctx.version("new-way", 1);
        ctx.recv().await?;
        let step = if version == 0 { "old" } else { "new" };
        ctx.step(step, move |_| async move { Ran::Ok(u64::from(version)) }).await
    });
    let world = World::new(before);
    let old = world.start("v/old", "null").await;
    world.until(&old, Status::Receiving).await;
    // The first message is taken by the old code, so its journal goes on past
    // the place of the marker.
    let world = world.deploy(after).await;
    let new = world.start("v/new", "null").await;
    world.until(&new, Status::Receiving).await;
    world.send(&new, "go", "1").await;
    assert_eq!(world.result(&new).await, "1");
    assert_eq!(world.names(&new).await[1], "VersionMarked");
}
