//! Pauses and orderly stops.

use crate::world::{Ran, World, pause};
use greenroom_runtime::model::Status;
use greenroom_runtime::{Ctx, Registry};

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_process_waits_and_goes_on() {
    let world = World::new(
        Registry::new()
            .kind("echo", |ctx: Ctx, _: ()| async move { ctx.recv().await?.read::<u64>() }),
    );
    let id = world.start("echo/1", "null").await;
    world.until(&id, Status::Receiving).await;
    world.node.pause(&id, "test").await.expect("paused");
    world.until(&id, Status::Paused).await;
    world.send(&id, "go", "3").await;
    pause(50).await;
    assert_eq!(world.node.process(&id).await.expect("row").status, Status::Paused);
    world.node.resume(&id, "test").await.expect("resumed");
    assert_eq!(world.result(&id).await, "3");
    let code = world.node.resume(&id, "test").await.expect_err("ended").code();
    assert_eq!(code, "ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orderly_stop_leaves_nothing_unknown() {
    let registry = || {
        Registry::new().kind("careful", |ctx: Ctx, _: ()| async move {
            for _ in 0..60 {
                let step = ctx.step("once", |_| async {
                    pause(2).await;
                    Ran::Ok(1)
                });
                step.at_most_once().await?;
            }
            Ran::Ok(1)
        })
    };
    let mut world = World::new(registry());
    let mut ids = Vec::new();
    for key in 0..10 {
        ids.push(world.start(&format!("careful/{key}"), "null").await);
    }
    for _ in 0..4 {
        pause(15).await;
        world = world.deploy(registry()).await;
    }
    for id in &ids {
        assert_eq!(world.result(id).await, "1");
        assert!(!world.names(id).await.contains(&"StepUnknown"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pausing_before_a_step_begins_is_no_crash() {
    let registry = || {
        Registry::new().kind("held", |ctx: Ctx, _: ()| async move {
            ctx.recv().await?;
            ctx.step("once", |_| async { Ran::Ok(9) }).at_most_once().await
        })
    };
    let world = World::new(registry());
    let id = world.start("held/1", "null").await;
    world.until(&id, Status::Receiving).await;
    world.node.pause(&id, "test").await.expect("paused");
    world.until(&id, Status::Paused).await;
    world.send(&id, "go", "1").await;
    let world = world.deploy(registry()).await;
    world.node.resume(&id, "test").await.expect("resumed");
    assert_eq!(world.result(&id).await, "9");
}

/// `greenroom pause X && greenroom resume X`, while X is busy.
#[tokio::test(flavor = "multi_thread")]
async fn a_pause_on_its_way_can_be_taken_back() {
    let registry = Registry::new().kind("busy", |ctx: Ctx, _: ()| async move {
        std::thread::sleep(std::time::Duration::from_millis(300));
        ctx.recv().await?.read::<u64>()
    });
    let world = World::new(registry);
    let id = world.start("busy/1", "null").await;
    world.node.pause(&id, "test").await.expect("told");
    world.node.resume(&id, "test").await.expect("told");
    let twice = world.node.resume(&id, "test").await.expect_err("that is done");
    assert_eq!(twice.code(), "not_now");
    world.send(&id, "go", "3").await;
    assert_eq!(world.result(&id).await, "3");
}
