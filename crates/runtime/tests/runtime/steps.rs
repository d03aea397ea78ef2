//! Steps: chains, retries, limits, panics.

use crate::world::{Ran, World, counter, pause};
use greenroom_runtime::model::{Failure, Retry, Status};
use greenroom_runtime::{Ctx, Registry};
use std::sync::atomic::Ordering;
use std::time::Duration;

async fn adder(ctx: Ctx, upto: u64) -> Ran {
    let mut sum = 0;
    for n in 1..=upto {
        sum += ctx.step("add", move |_| async move { Ran::Ok(n) }).await?;
    }
    ctx.sleep(Duration::from_millis(5)).await?;
    Ok(sum)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_of_steps_ends() {
    let world = World::new(Registry::new().kind("adder", adder));
    let id = world.start("adder/1", "10").await;
    assert_eq!(world.result(&id).await, "55");
    let names = world.names(&id).await;
    assert_eq!(names.len(), 1 + 20 + 2 + 1);
    assert_eq!(names[..3], ["WorkflowStarted", "StepStarted", "StepCompleted"]);
    assert_eq!(names[21..], ["TimerStarted", "TimerFired", "WorkflowCompleted"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_is_retried_until_it_works_and_no_longer() {
    let (counts, calls) = counter();
    let registry = Registry::new().kind("flaky", move |ctx: Ctx, fails: u32| {
        let calls = calls.clone();
        async move {
            let retry = Retry { first_delay: Duration::from_millis(1), ..Retry::attempts(4) };
            ctx.step("call", move |step| {
                calls.fetch_add(1, Ordering::Relaxed);
                let failed = step.attempt() <= fails;
                async move { if failed { Err(Failure::msg("busy")) } else { Ok(step.attempt()) } }
            })
            .retry(retry)
            .await
        }
    });
    let world = World::new(registry);
    let id = world.start("flaky/a", "2").await;
    assert_eq!(world.result(&id).await, "3");
    assert_eq!(counts.swap(0, Ordering::Relaxed), 3);
    let id = world.start("flaky/b", "9").await;
    assert_eq!(world.failure(&id).await, "error: busy");
    assert_eq!(counts.load(Ordering::Relaxed), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_attempt_times_out_and_a_silent_one_too() {
    let registry = Registry::new().kind("slow", |ctx: Ctx, beats: bool| async move {
        let step = ctx.step("wait", move |step| async move {
            for _ in 0..20 {
                pause(20).await;
                if beats {
                    step.heartbeat();
                }
            }
            Ran::Ok(1)
        });
        if beats {
            return step.heartbeat_timeout(Duration::from_millis(200)).await;
        }
        let silent = step.heartbeat_timeout(Duration::from_millis(60)).retry(Retry::never()).await;
        assert!(silent.is_err_and(|failure| failure.is("timeout")));
        ctx.step("wait", |_| async {
            pause(10_000).await;
            Ran::Ok(1)
        })
        .timeout(Duration::from_millis(30))
        .retry(Retry::never())
        .await
    });
    let world = World::new(registry);
    let id = world.start("slow/beats", "true").await;
    assert_eq!(world.result(&id).await, "1");
    let id = world.start("slow/silent", "false").await;
    assert!(world.failure(&id).await.contains("timeout: the attempt took longer than 30ms"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_an_exit_not_a_crash() {
    let registry = Registry::new().kind("bad", |ctx: Ctx, at: u32| async move {
        assert_ne!(at, 0, "before anything");
        ctx.step("boom", move |_| async move {
            assert_ne!(at, 1, "in a step");
            Ran::Ok(1)
        })
        .retry(Retry::never())
        .await?;
        let nothing: Vec<u64> = Vec::new();
        assert!(!nothing.is_empty(), "after a step");
        Ran::Ok(0)
    });
    let world = World::new(registry);
    for (at, words) in [("0", "before anything"), ("1", "in a step"), ("2", "after a step")] {
        let id = world.start(&format!("bad/{at}"), at).await;
        let failure = world.failure(&id).await;
        assert!(failure.contains("panic") && failure.contains(words), "{failure}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_for_something_foreign_is_named() {
    let registry = Registry::new().kind("foreign", |_: Ctx, _: ()| async {
        std::future::pending::<()>().await;
        Ran::Ok(1)
    });
    let world = World::new(registry);
    let id = world.start("foreign/1", "null").await;
    assert!(world.failure(&id).await.contains("no operation of `ctx`"));
}

#[tokio::test(flavor = "multi_thread")]
async fn input_that_does_not_fit_is_an_exit() {
    let world = World::new(Registry::new().kind("adder", adder));
    let id = world.start("adder/x", "\"ten\"").await;
    assert!(world.failure(&id).await.contains("the input does not fit the code"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_payload_goes_through_the_blob_store_and_back() {
    let registry = Registry::new().kind("big", |ctx: Ctx, bytes: usize| async move {
        let made: String =
            ctx.step("make", move |_| async move { Ok::<_, Failure>("x".repeat(bytes)) }).await?;
        ctx.recv().await?;
        Ok::<_, Failure>(made.len())
    });
    let world = World::new(registry.clone());
    let id = world.start("big/1", "1000000").await;
    world.until(&id, Status::Receiving).await;
    let world = world.deploy(registry).await;
    world.send(&id, "go", "1").await;
    assert_eq!(world.result(&id).await, "1000000");
    let id = world.start("big/2", "40000000").await;
    assert!(world.failure(&id).await.contains("over the limit"));
}
