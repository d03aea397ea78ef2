//! What is cancelled, dropped, undone.

use crate::world::{Ran, World, pause, step_name};
use greenroom_runtime::model::Status;
use greenroom_runtime::{Ctx, Either, Registry, RestartFrom, select};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn the_loser_of_a_select_is_dropped() {
    let registry = Registry::new().kind("race", |ctx: Ctx, _: ()| async move {
        let slow = ctx.step("slow", |_| async {
            pause(60_000).await;
            Ran::Ok(1)
        });
        match select(slow, ctx.sleep(Duration::from_millis(10))).await {
            Either::Left(_) => Ran::Ok(1),
            Either::Right(fired) => fired.map(|()| 2),
        }
    });
    let world = World::new(registry);
    let id = world.start("race/1", "null").await;
    assert_eq!(world.result(&id).await, "2");
    assert!(world.names(&id).await.contains(&"OperationDropped"));
}

#[tokio::test(flavor = "multi_thread")]
async fn cancel_runs_the_compensations_last_first() {
    let registry = Registry::new().kind("saga", |ctx: Ctx, _: ()| async move {
        for name in ["hotel", "flight"] {
            ctx.step(name, |_| async { Ran::Ok(1) })
                .compensate(&format!("cancel_{name}"), |_| async { Ran::Ok(0) })
                .await?;
        }
        ctx.recv().await?;
        Ran::Ok(0)
    });
    let world = World::new(registry);
    let id = world.start("saga/1", "null").await;
    world.until(&id, Status::Receiving).await;
    world.node.cancel(&id, "changed my mind", "test").await.expect("cancelled");
    assert_eq!(world.failure(&id).await, "cancelled: changed my mind");
    let steps: Vec<String> = world.events(&id).await.iter().filter_map(step_name).collect();
    assert_eq!(steps, ["hotel", "flight", "cancel_flight", "cancel_hotel"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_a_scope_wakes_what_it_wraps() {
    let registry = Registry::new().kind("scoped", |ctx: Ctx, _: ()| async move {
        let (inside, outside) = (ctx.clone(), ctx.clone());
        let (scope, work) = ctx.scope(async move { inside.recv().topic("never").await });
        let canceller = async move {
            outside.sleep(Duration::from_millis(10)).await?;
            scope.cancel();
            outside.recv().topic("never").await
        };
        match select(work, canceller).await {
            Either::Left(Err(failure)) if failure.is("cancelled") => Ran::Ok(1),
            _ => Ran::Ok(0),
        }
    });
    let world = World::new(registry);
    let id = world.start("scoped/1", "null").await;
    assert_eq!(world.result(&id).await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_too_is_compensated_and_then_not_restarted() {
    let registry = Registry::new().kind("trip", |ctx: Ctx, _: ()| async move {
        let booked = ctx.step("book", |_| async { Ran::Ok(1) });
        let booked = booked.compensate("unbook", |_| async { Ran::Ok(0) }).await?;
        assert_eq!(booked, 2, "not what was expected");
        Ran::Ok(0)
    });
    let world = World::new(registry);
    let id = world.start("trip/1", "null").await;
    assert!(world.failure(&id).await.contains("not what was expected"));
    let steps: Vec<String> = world.events(&id).await.iter().filter_map(step_name).collect();
    assert_eq!(steps, ["book", "unbook"]);
    let refused = world.node.restart(&id, RestartFrom::Failure, "test").await;
    assert!(refused.expect_err("undone").to_string().contains("compensations have run"));
}
