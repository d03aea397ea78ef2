//! Children that begin anew when they are restarted: the message that was being
//! handled is not lost, and what was done is not done again.

use crate::world::{World, pause};
use greenroom_runtime::model::supervisor::{ChildSpec, RestartFrom, SupervisorSpec};
use greenroom_runtime::model::{Failure, Payload, ProcessId, Status, failure};
use greenroom_runtime::{Ctx, KindOptions, Registry};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

type Seen = Arc<Mutex<Vec<String>>>;

/// Notes what it takes; fails at "fail", and at "flaky" the first two times.
async fn noting(ctx: Ctx, seen: Seen, flaky: Arc<AtomicU32>) -> Result<(), Failure> {
    loop {
        let message = ctx.recv().await?;
        seen.lock().expect("lock").push(message.topic.to_string());
        match message.topic.as_str() {
            "fail" => return Err(Failure::msg("told to")),
            "flaky" if flaky.fetch_add(1, Ordering::SeqCst) < 2 => panic!("not yet"),
            "undo" => {
                let undo = |_| async { Ok::<_, Failure>(()) };
                ctx.step("do", undo).compensate("undo", undo).await?;
                return Err(Failure::msg("told to undo"));
            }
            "long" => {
                let second = Duration::from_secs(1);
                let work = move |_| async move {
                    pause(second.as_millis() as u64).await;
                    Ok::<_, Failure>(())
                };
                ctx.step("work", work).await?;
            }
            _ => {}
        }
        ctx.reply(&message, &"well")?;
    }
}

async fn caller(ctx: Ctx, topic: String) -> Result<String, Failure> {
    ctx.call(&child(), &topic, &()).await
}

fn child() -> ProcessId {
    "noting/a".parse().expect("an id")
}

async fn world(from: RestartFrom, options: KindOptions) -> (World, Seen) {
    let (seen, flaky) = (Seen::default(), Arc::new(AtomicU32::new(0)));
    let notes = seen.clone();
    let registry = Registry::new()
        .kind("noting", move |ctx, ()| noting(ctx, seen.clone(), flaky.clone()))
        .with_options("noting", options)
        .kind("caller", caller);
    let world = World::new(registry);
    let spec = ChildSpec::new("a", "noting", Payload::null());
    let spec = ChildSpec { key: Some("a".into()), restart_from: from, ..spec };
    let spec = SupervisorSpec { intensity: 9, children: vec![spec], ..SupervisorSpec::default() };
    let spec = serde_json::to_string(&spec).expect("JSON");
    world.start("supervisor/top", &spec).await;
    world.until(&child(), Status::Receiving).await;
    (world, notes)
}

async fn until_seen(seen: &Seen, count: usize) -> Vec<String> {
    for _ in 0..2_000 {
        let notes = seen.lock().expect("lock").clone();
        if notes.len() >= count {
            return notes;
        }
        pause(5).await;
    }
    panic!("{seen:?}");
}

#[tokio::test]
async fn a_message_that_ends_it_is_counted_and_given_up() {
    let (world, seen) = world(RestartFrom::Fresh, KindOptions::default()).await;
    for topic in ["one", "fail", "two"] {
        world.send(&child(), topic, "null").await;
    }
    let mut notes = until_seen(&seen, 5).await;
    // It comes again behind what waits, if that has come by then.
    notes.sort_unstable();
    assert_eq!(notes, ["fail", "fail", "fail", "one", "two"]);
    world.until(&child(), Status::Receiving).await;
    let letters = world.node.dead(10).await.expect("read");
    assert_eq!((letters.len(), letters[0].crashes.len()), (1, 3), "{letters:?}");
    assert!(letters[0].reason.contains("3 times"), "{}", letters[0].reason);
}

#[tokio::test]
async fn one_that_passes_in_the_end_is_answered() {
    let (world, seen) = world(RestartFrom::Segment, KindOptions::default()).await;
    let caller = world.start("caller/1", "\"flaky\"").await;
    assert_eq!(world.result(&caller).await, "\"well\"");
    assert_eq!(seen.lock().expect("lock").len(), 3);
    assert!(world.node.dead(10).await.expect("read").is_empty());
    let caller = world.start("caller/2", "\"fail\"").await;
    assert!(world.failure(&caller).await.contains(failure::POISON));
}

#[tokio::test]
async fn what_was_undone_is_tried_again() {
    let (world, seen) = world(RestartFrom::State, KindOptions::default()).await;
    world.send(&child(), "undo", "null").await;
    until_seen(&seen, 3).await;
    world.until(&child(), Status::Receiving).await;
    assert_eq!(seen.lock().expect("lock").len(), 3);
    assert_eq!(world.node.dead(10).await.expect("read")[0].crashes.len(), 3);
}

#[tokio::test]
async fn a_kill_counts_for_nothing_and_loses_nothing() {
    let (world, seen) = world(RestartFrom::Fresh, KindOptions::default()).await;
    world.send(&child(), "one", "null").await;
    until_seen(&seen, 1).await;
    world.until(&child(), Status::Receiving).await;
    // Nothing is in hand: nothing comes again.
    world.node.kill(&child(), "a test", "test").await.expect("killed");
    world.send(&child(), "long", "null").await;
    for count in 2..=5 {
        until_seen(&seen, count).await;
        world.until(&child(), Status::Running).await;
        world.node.kill(&child(), "a test", "test").await.expect("killed");
    }
    let notes = until_seen(&seen, 6).await;
    assert_eq!(notes, ["one", "long", "long", "long", "long", "long"]);
    world.until(&child(), Status::Receiving).await;
    assert!(world.node.dead(10).await.expect("read").is_empty());
}

#[tokio::test]
async fn an_ordered_kind_waits_for_a_person() {
    let options = KindOptions { ordered: true, crashes_max: 1, ..KindOptions::default() };
    let (world, seen) = world(RestartFrom::Fresh, options).await;
    world.send(&child(), "fail", "null").await;
    world.until(&child(), Status::Parked).await;
    assert!(world.node.dead(10).await.expect("read").is_empty());
    world.node.resume(&child(), "test").await.expect("resumed");
    until_seen(&seen, 2).await;
    world.until(&child(), Status::Parked).await;
}
