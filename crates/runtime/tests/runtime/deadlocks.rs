//! Circles of calls are told with their members; what only looks like one is not.

use crate::world::{World, pause};
use greenroom_runtime::journal::{Journal, Memory};
use greenroom_runtime::model::{Failure, Millis, ProcessId, Status};
use greenroom_runtime::{Ctx, Either, Node, NodeOptions, Registry, select};
use std::sync::Arc;
use std::time::Duration;

fn id(text: &str) -> ProcessId {
    ProcessId::parse(text).expect("an id")
}

/// Answers a call only after it has called the next.
async fn asks_next(ctx: Ctx, next: ProcessId) -> Result<String, Failure> {
    let message = ctx.recv().await?;
    let heard = match ctx.call::<String>(&next, "go", &()).await {
        Ok(heard) => heard,
        Err(failure) => format!("{}: {}", failure.kind, failure.message),
    };
    ctx.reply(&message, &heard)?;
    Ok(heard)
}

async fn three(registry: Registry) -> World {
    let world = World::new(registry);
    for (name, next) in [("ring/a", "ring/b"), ("ring/b", "ring/c"), ("ring/c", "ring/a")] {
        world.start(name, &format!("\"{next}\"")).await;
    }
    world.send(&id("ring/a"), "go", "null").await;
    world
}

const CIRCLE: &str = "deadlock: a circle of calls: ring/c waits for ring/a waits for ring/b waits \
                      for ring/c, and none of them can go on";

#[tokio::test]
async fn a_circle_of_three_is_told_with_its_members() {
    let world = three(Registry::new().kind("ring", asks_next)).await;
    for name in ["ring/c", "ring/b", "ring/a"] {
        assert_eq!(world.result(&id(name)).await, format!("\"{CIRCLE}\""));
    }
    let told = world.node.health().deadlocks;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].members, ["ring/c", "ring/a", "ring/b"]);
}

#[tokio::test]
async fn one_that_began_before_a_restart_is_told_after_it() {
    let registry = || Registry::new().kind("ring", asks_next);
    let world = three(registry()).await;
    pause(300).await;
    let world = world.deploy(registry()).await;
    assert_eq!(world.result(&id("ring/c")).await, format!("\"{CIRCLE}\""));
}

async fn calls_itself(ctx: Ctx, (): ()) -> Result<String, Failure> {
    let me = ctx.id();
    let called = ctx.call::<String>(&me, "go", &()).timeout(Duration::from_secs(60)).await;
    Ok(called.expect_err("nobody answers").to_string())
}

#[tokio::test]
async fn a_call_of_itself_is_a_circle_whatever_its_timeout() {
    let world = World::new(Registry::new().kind("self", calls_itself));
    let me = world.start("self/a", "null").await;
    let words = "deadlock: a circle of calls: self/a waits for self/a, and none of them can go on";
    assert_eq!(world.result(&me).await, format!("\"{words}\""));
}

/// Calls, and answers who calls meanwhile: so a circle through it moves.
async fn answers_too(ctx: Ctx, next: ProcessId) -> Result<String, Failure> {
    let call = async { ctx.call::<String>(&next, "go", &()).await };
    let serve = async {
        // Long enough to be looked at.
        let message = ctx.recv().topic("go").await?;
        ctx.recv().topic("now").await?;
        ctx.reply(&message, &"answered")?;
        Ok::<_, Failure>(())
    };
    let (heard, served) = futures_util::future::join(call, serve).await;
    served?;
    heard
}

#[tokio::test]
async fn who_can_still_take_a_message_is_in_no_deadlock() {
    let registry = Registry::new().kind("ring", asks_next).kind("open", answers_too);
    let world = World::new(registry);
    let ring = world.start("ring/b", "\"open/a\"").await;
    let open = world.start("open/a", "\"ring/b\"").await;
    pause(3_500).await;
    world.send(&open, "now", "null").await;
    assert_eq!(world.result(&ring).await, "\"answered\"");
    assert_eq!(world.result(&open).await, "\"answered\"");
    assert!(world.node.health().deadlocks.is_empty());
}

/// The first of two that answers is enough to go on.
async fn two_calls(ctx: Ctx, (one, two): (ProcessId, ProcessId)) -> Result<String, Failure> {
    let message = ctx.recv().await?;
    let calls = select(ctx.call(&one, "go", &()), ctx.call(&two, "go", &())).await;
    let heard: String = match calls {
        Either::Left(heard) | Either::Right(heard) => heard?,
    };
    ctx.reply(&message, &heard)?;
    Ok(heard)
}

async fn slow(ctx: Ctx, (): ()) -> Result<(), Failure> {
    let message = ctx.recv().await?;
    ctx.sleep(Duration::from_millis(3_500)).await?;
    ctx.reply(&message, &"slow and sure")
}

#[tokio::test]
async fn who_may_hear_from_another_is_in_no_deadlock() {
    let registry =
        Registry::new().kind("ring", asks_next).kind("two", two_calls).kind("slow", slow);
    let world = World::new(registry);
    world.start("slow/s", "null").await;
    let ring = world.start("ring/b", "\"two/a\"").await;
    let two = world.start("two/a", "[\"ring/b\", \"slow/s\"]").await;
    world.send(&two, "go", "null").await;
    assert_eq!(world.result(&two).await, "\"slow and sure\"");
    assert!(world.result(&ring).await.contains("no_process"));
    assert!(world.node.health().deadlocks.is_empty());
}

#[tokio::test]
async fn circles_that_close_at_the_same_time_are_all_broken() {
    let world = World::new(Registry::new().kind("ring", asks_next));
    let rings: [&[&str]; 3] =
        [&["ring/a", "ring/b", "ring/c"], &["ring/d", "ring/e"], &["ring/f", "ring/g"]];
    for ring in rings {
        for (place, name) in ring.iter().enumerate() {
            world.start(name, &format!("\"{}\"", ring[(place + 1) % ring.len()])).await;
        }
    }
    for ring in rings {
        world.send(&id(ring[0]), "go", "null").await;
    }
    for name in rings.concat() {
        let told = world.result(&id(name)).await;
        assert!(told.contains("deadlock: a circle of calls"), "{name}: {told}");
    }
    assert_eq!(world.node.health().deadlocks.len(), 3);
}

#[tokio::test]
async fn one_that_closed_long_before_a_restart_is_told_after_it() {
    let registry = || Registry::new().kind("ring", asks_next);
    let world = three(registry()).await;
    world.until(&id("ring/c"), Status::Joining).await;
    world.node.stop(Duration::from_secs(2)).await;
    // The next node's clock is not before what the store has seen.
    let lease = world.store.acquire("another node", Millis(0)).expect("a lease");
    let later = lease.seen.after(Duration::from_secs(3_600));
    world.store.acquire("another node", later).expect("a lease");
    let world = World::on(world.store, registry());
    assert_eq!(world.result(&id("ring/c")).await, format!("\"{CIRCLE}\""));
    assert!(world.node.health().deadlocks[0].at_ms > later.0, "an hour has passed");
}

#[tokio::test]
async fn one_whose_members_have_left_memory_is_told() {
    let options = NodeOptions { resident_max: 10, ..NodeOptions::default() };
    let registry = Registry::new().kind("ring", asks_next).kind("slow", slow);
    let node = Node::start(Arc::new(Memory::new()), registry, options).expect("starts");
    let world = World::with(node);
    for (name, next) in [("ring/a", "ring/b"), ("ring/b", "ring/c"), ("ring/c", "ring/a")] {
        world.start(name, &format!("\"{next}\"")).await;
    }
    world.send(&id("ring/a"), "go", "null").await;
    world.until(&id("ring/c"), Status::Joining).await;
    // Nobody has looked yet, and these take their place.
    for other in 0..50 {
        world.start(&format!("slow/{other}"), "null").await;
    }
    assert_eq!(world.result(&id("ring/c")).await, format!("\"{CIRCLE}\""));
}
