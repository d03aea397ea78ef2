//! Cancelling a whole tree.

use crate::world::{World, counter, pause};
use greenroom_runtime::model::supervisor::{ChildSpec, SupervisorSpec};
use greenroom_runtime::model::{Exit, Failure, Payload, ProcessId, Status};
use greenroom_runtime::{Ctx, Registry};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Spawns two of its kind, one of them detached at the top, and waits.
async fn node(ctx: Ctx, depth: u32, undone: Arc<AtomicU32>) -> Result<(), Failure> {
    ctx.step("reserve", |_| async { Ok::<_, Failure>(()) })
        .compensate("release", move |_| {
            undone.fetch_add(1, Ordering::SeqCst);
            async { Ok::<_, Failure>(()) }
        })
        .await?;
    for side in 0..if depth == 0 { 0 } else { 2 } {
        let key = format!("{}{side}", ctx.id().key());
        ctx.spawn("node", &(depth - 1)).key(key).await?;
    }
    if ctx.id().key() == "t" {
        ctx.spawn("node", &0).key("away").detached().await?;
    }
    ctx.recv().await?;
    Ok(())
}

fn world() -> (World, Arc<AtomicU32>) {
    let (undone, seen) = counter();
    let registry = Registry::new().kind("node", move |ctx, depth| node(ctx, depth, undone.clone()));
    (World::new(registry), seen)
}

fn id(key: &str) -> ProcessId {
    ProcessId::new("node", key).expect("valid")
}

async fn grown(world: &World, count: usize) {
    for _ in 0..2_000 {
        let listing = greenroom_runtime::journal::Listing {
            statuses: vec![Status::Receiving, Status::Joining],
            kind: Some("node".into()),
            limit: 100,
            ..Default::default()
        };
        if world.node.list(listing).await.expect("read").len() == count {
            return;
        }
        pause(5).await;
    }
    panic!("the tree never grew");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_ends_to_its_leaves_but_for_the_detached() {
    let (world, undone) = world();
    world.start("node/t", "3").await;
    grown(&world, 16).await;
    // One in the middle has ended: its children are reached all the same.
    world.send(&id("t0"), "done", "null").await;
    world.result(&id("t0")).await;
    world.node.cancel_tree(&id("t"), "enough", "test").await.expect("told");
    for key in ["t", "t1", "t00", "t01", "t10", "t11", "t000", "t011", "t100", "t111"] {
        assert_eq!(world.exit(&id(key)).await, Exit::Cancelled("enough".into()), "{key}");
    }
    for key in ["t001", "t010", "t101", "t110"] {
        world.exit(&id(key)).await;
    }
    assert_eq!(undone.load(Ordering::SeqCst), 14);
    world.until(&id("away"), Status::Receiving).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_one_that_has_ended_the_children_are_asked() {
    let (world, _) = world();
    world.start("node/t", "2").await;
    grown(&world, 8).await;
    world.send(&id("t"), "done", "null").await;
    world.result(&id("t")).await;
    world.node.cancel_tree(&id("t"), "enough", "test").await.expect("told");
    for key in ["t0", "t1", "t00", "t11"] {
        assert_eq!(world.exit(&id(key)).await, Exit::Cancelled("enough".into()), "{key}");
    }
    for key in ["t01", "t10"] {
        world.exit(&id(key)).await;
    }
    let again = world.node.cancel_tree(&id("t"), "enough", "test").await.expect_err("nothing left");
    assert_eq!(again.code(), "ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wish_that_comes_later_reaches_who_was_not_meant_before() {
    let (world, _) = world();
    world.start("node/t", "1").await;
    grown(&world, 4).await;
    world.node.pause(&id("t0"), "test").await.expect("paused");
    world.node.cancel_tree(&id("t"), "enough", "test").await.expect("told");
    for key in ["t", "t0", "t1"] {
        assert_eq!(world.exit(&id(key)).await, Exit::Cancelled("enough".into()), "{key}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_supervisor_stops_its_own_with_all_below_them() {
    let (world, undone) = world();
    let spec = SupervisorSpec {
        children: vec![ChildSpec {
            key: Some("w".into()),
            ..ChildSpec::new("w", "node", Payload::of(&1).expect("json"))
        }],
        ..SupervisorSpec::default()
    };
    let input = serde_json::to_string(&spec).expect("json");
    let top = world.start("supervisor/top", &input).await;
    grown(&world, 3).await;
    world.node.cancel_tree(&top, "enough", "test").await.expect("told");
    world.exit(&top).await;
    assert_eq!(world.exit(&id("w")).await, Exit::Shutdown("shutdown".into()));
    for key in ["w0", "w1"] {
        assert_eq!(world.exit(&id(key)).await, Exit::Cancelled("shutdown".into()));
    }
    assert_eq!(undone.load(Ordering::SeqCst), 3);
}
