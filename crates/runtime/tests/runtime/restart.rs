//! Restarts: once each, with all that was set taken back.

use crate::world::{Ran, World, counter, pause, step_name};
use greenroom_runtime::journal::{Journal, Scope};
use greenroom_runtime::model::{Event, Failure, ProcessId, Seq, Status};
use greenroom_runtime::{Ctx, Registry, RestartFrom, join_all};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

async fn count(world: &World, id: &ProcessId, name: &str) -> usize {
    world.names(id).await.iter().filter(|found| **found == name).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_restarts_asked_for_together_one_counts() {
    // Once brought back it waits, so that a later restart finds it not ended.
    let mended = Arc::new(AtomicBool::new(false));
    let works = mended.clone();
    let registry = Registry::new().kind("frail", move |ctx: Ctx, _: ()| {
        let works = works.clone();
        async move {
            let work = ctx.step("work", move |_| {
                let works = works.load(Ordering::SeqCst);
                async move { if works { Ok(1) } else { Err(Failure::fatal("down", "x")) } }
            });
            let worked: u64 = work.await?;
            Ok::<u64, Failure>(worked + ctx.recv().await?.read::<u64>()?)
        }
    });
    let world = World::new(registry);
    for key in 0..20 {
        let id = world.start(&format!("frail/{key}"), "null").await;
        world.failure(&id).await;
        mended.store(true, Ordering::SeqCst);
        let asked = (0..4).map(|_| world.node.restart(&id, RestartFrom::Failure, "test"));
        let answers = futures_util::future::join_all(asked).await;
        assert!(answers.iter().any(Result::is_ok), "{answers:?}");
        let refused = answers.into_iter().filter_map(Result::err);
        assert!(refused.into_iter().all(|error| error.code() == "not_now"));
        let no = world.node.process(&id).await.expect("found").no;
        let mailbox = || world.store.load(no, Scope::Whole).expect("reads").expect("there").mailbox;
        while !mailbox().is_empty() {
            pause(1).await;
        }
        world.until(&id, Status::Receiving).await;
        assert_eq!(count(&world, &id, "Restarted").await, 1, "{:?}", world.names(&id).await);
        mended.store(false, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn state_that_was_set_later_is_taken_back() {
    let registry = Registry::new().kind("stages", |ctx: Ctx, _: ()| async move {
        ctx.set("stage", &1)?;
        ctx.recv().topic("one").await?;
        ctx.set("stage", &2)?;
        ctx.set("extra", &"x")?;
        ctx.recv().topic("two").await?;
        ctx.set("stage", &3)?;
        Err::<u64, _>(Failure::msg("no further"))
    });
    let world = World::new(registry);
    let id = world.start("stages/1", "null").await;
    world.send(&id, "one", "1").await;
    world.send(&id, "two", "1").await;
    world.failure(&id).await;
    assert_eq!(state(&world, &id).await, ["extra=\"x\"", "stage=3"]);
    let events = world.events(&id).await;
    let place = |topic: &str| {
        let got = |event: &Event| matches!(event, Event::MessageReceived { topic: got, .. } if got == topic);
        Seq(events.iter().position(got).expect("received") as u64)
    };
    world.node.restart(&id, RestartFrom::At(place("two")), "test").await.expect("restarted");
    world.until(&id, Status::Receiving).await;
    assert_eq!(state(&world, &id).await, ["extra=\"x\"", "stage=2"]);
    world.node.restart(&id, RestartFrom::At(place("one")), "test").await.expect("restarted");
    while state(&world, &id).await.len() > 1 {
        pause(1).await;
    }
    assert_eq!(state(&world, &id).await, ["stage=1"]);
    world.send(&id, "one", "1").await;
    while state(&world, &id).await.len() == 1 {
        pause(1).await;
    }
    assert_eq!(state(&world, &id).await, ["extra=\"x\"", "stage=2"]);
    world.node.restart(&id, RestartFrom::Start, "test").await.expect("restarted");
    while state(&world, &id).await.len() > 1 {
        pause(1).await;
    }
    world.until(&id, Status::Receiving).await;
    assert_eq!(state(&world, &id).await, ["stage=1"]);
}

async fn state(world: &World, id: &ProcessId) -> Vec<String> {
    let rows = world.node.state(id).await.expect("state");
    rows.iter().map(|row| format!("{}={}", row.key, row.value)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_behind_another_wish_is_not_lost() {
    let registry = Registry::new().kind("echo", |ctx: Ctx, _: ()| async move {
        let all = join_all((0..3).map(|_| ctx.recv())).await;
        Ok::<usize, Failure>(all.len())
    });
    let world = World::new(registry);
    for key in 0..40 {
        let id = world.start(&format!("echo/{key}"), "null").await;
        world.until(&id, Status::Receiving).await;
        let (paused, restarted) = futures_util::future::join(
            world.node.pause(&id, "test"),
            world.node.restart(&id, RestartFrom::At(Seq(1)), "test"),
        )
        .await;
        paused.expect("paused");
        restarted.expect("restarted");
        for _ in 0..2_000 {
            if count(&world, &id, "Restarted").await == 1 {
                break;
            }
            pause(2).await;
        }
        assert_eq!(count(&world, &id, "Restarted").await, 1, "{:?}", world.names(&id).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn restart_tries_the_failed_step_again_under_its_key() {
    let (broken, switch) = counter();
    let keys = Arc::new(std::sync::Mutex::new(Vec::new()));
    let recorder = keys.clone();
    let registry = Registry::new().kind("pay", move |ctx: Ctx, _: ()| {
        let (switch, recorder) = (switch.clone(), recorder.clone());
        async move {
            ctx.step("look", |_| async { Ran::Ok(1) }).await?;
            ctx.step("pay", move |step| {
                recorder.lock().expect("lock").push(step.key().to_owned());
                let down = switch.load(Ordering::Relaxed) == 0;
                async move { if down { Err(Failure::fatal("down", "x")) } else { Ok(5) } }
            })
            .await
            .map(|paid: u64| paid)
        }
    });
    let world = World::new(registry);
    let id = world.start("pay/1", "null").await;
    assert_eq!(world.failure(&id).await, "error: down: x");
    broken.store(1, Ordering::Relaxed);
    world.node.restart(&id, RestartFrom::Failure, "test").await.expect("restarted");
    world.until(&id, Status::Completed).await;
    assert_eq!(world.result(&id).await, "5");
    let keys = keys.lock().expect("lock").clone();
    assert_eq!(keys, ["pay/1#2", "pay/1#2"]);
    let looked =
        world.events(&id).await.iter().filter_map(step_name).filter(|name| name == "look").count();
    assert_eq!(looked, 1);
}

/// A message that is taken back by a person does not come again: the next one's
/// steps must not look to the outside like those of the one before.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_before_a_message_the_next_has_keys_of_its_own() {
    let keys = Arc::new(std::sync::Mutex::new(Vec::new()));
    let recorder = keys.clone();
    let registry = Registry::new().kind("till", move |ctx: Ctx, count: u64| {
        let recorder = recorder.clone();
        async move {
            ctx.step("open", |_| async { Ran::Ok(1) }).await?;
            for _ in 0..count {
                let n: u64 = ctx.recv().topic("pay").await?.read()?;
                let recorder = recorder.clone();
                ctx.step("pay", move |step| {
                    recorder.lock().expect("lock").push((n, step.key().to_owned()));
                    async move { Ran::Ok(n) }
                })
                .await?;
            }
            Ran::Ok(count)
        }
    });
    let world = World::new(registry);
    let id = world.start("till/1", "3").await;
    for n in ["1", "2"] {
        world.send(&id, "pay", n).await;
    }
    while keys.lock().expect("lock").len() < 2 {
        pause(2).await;
    }
    world.until(&id, Status::Receiving).await;
    let second = world.node.history(&id, Scope::Whole).await.expect("history").into_iter();
    let taken = second
        .flat_map(|turn| {
            turn.events.into_iter().enumerate().map(move |(n, e)| (turn.seq.plus(n), e))
        })
        .filter(|(_, event)| event.name() == "MessageReceived")
        .nth(1);
    let before = Seq(taken.expect("two were taken").0.0 - 1);
    world.node.restart(&id, RestartFrom::At(before), "test").await.expect("told");
    for n in ["3", "4"] {
        world.send(&id, "pay", n).await;
    }
    assert_eq!(world.result(&id).await, "3");
    let keys = keys.lock().expect("lock").clone();
    assert_eq!(keys.iter().map(|(n, _)| *n).collect::<Vec<u64>>(), [1, 2, 3, 4]);
    let distinct: std::collections::BTreeSet<&String> = keys.iter().map(|(_, key)| key).collect();
    assert_eq!(distinct.len(), 4, "{keys:?}");
    let rehearsal = world.node.rehearse(&id).await.expect("rehearsed");
    assert!(rehearsal.divergence.is_none(), "{:?}", rehearsal.divergence);
}
