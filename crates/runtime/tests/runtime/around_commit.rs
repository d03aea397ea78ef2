//! Around a commit: when live values go out, and what becomes of a turn that
//! cannot be stored.

use crate::hooks::{AtCommit, Hooks};
use crate::world::{World, pause};
use greenroom_runtime::journal::{Commit, Memory};
use greenroom_runtime::model::{Error as ModelError, Event, Failure, ProcessId, Seq, Status};
use greenroom_runtime::{Ctx, Node, NodeOptions, Notice, Registry};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

fn talkers() -> Registry {
    Registry::new().kind("talker", |ctx: Ctx, _: ()| async move {
        ctx.emit("first")?;
        ctx.step("add", |_| async { Ok::<u64, Failure>(1) }).await?;
        ctx.emit("second")?;
        ctx.recv().await?;
        ctx.emit("third")?;
        ctx.recv().await?;
        Ok::<u64, Failure>(1)
    })
}

/// What a follower hears until `last`, in words.
async fn heard(
    world: &World,
    id: &ProcessId,
    last: &str,
    begin: impl AsyncFnOnce(),
) -> Vec<String> {
    let mut follow = world.node.follow(id, Seq(0)).await.expect("followed");
    begin().await;
    let mut words: Vec<String> = Vec::new();
    while words.last().is_none_or(|word| word != last) {
        match follow.next().await.expect("not the end").expect("read") {
            Notice::Turn(turn) => words.extend(turn.events.iter().map(|event| event.name().into())),
            Notice::Emitted(value) => words.push(value.to_string()),
            Notice::Ended(_) => words.push("end".into()),
        }
    }
    words
}

#[tokio::test(flavor = "multi_thread")]
async fn live_values_follow_their_turns_commit_and_come_once() {
    let memory = Memory::new();
    let open = Arc::new(AtomicBool::new(false));
    let gate = open.clone();
    let before: AtCommit = Box::new(move |group| {
        let turn = group.iter().any(|commit| commit.turn.is_some());
        while turn && !gate.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        Ok(())
    });
    let store =
        Arc::new(Hooks { store: memory.clone(), before_commit: before, ..Hooks::default() });
    let node = Node::start(store, talkers(), NodeOptions::default()).expect("starts");
    let world = World::with(node);
    let id = world.start("talker/1", "null").await;
    let words = heard(&world, &id, "\"second\"", async || open.store(true, Ordering::SeqCst)).await;
    let wanted = ["WorkflowStarted", "\"first\"", "StepStarted", "\"second\""];
    assert_eq!(words, wanted);
    world.until(&id, Status::Receiving).await;
    world.node.stop(std::time::Duration::from_secs(2)).await;

    let world = World::on(Arc::new(memory), talkers());
    let words = heard(&world, &id, "\"third\"", async || world.send(&id, "go", "1").await).await;
    let values: Vec<&String> = words.iter().filter(|word| word.starts_with('"')).collect();
    assert_eq!(values, ["\"third\""], "what replay says again is not told again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_that_cannot_be_stored_parks_its_process() {
    let refuses = Arc::new(AtomicBool::new(true));
    let still = refuses.clone();
    let before: AtCommit = Box::new(move |group| {
        let bad = |commit: &Commit| {
            commit.turn.as_ref().is_some_and(|turn| turn.body.contains("too big"))
        };
        if still.load(Ordering::SeqCst) && group.iter().any(bad) {
            return Err(ModelError::TooLarge { bytes: 2, limit: 1 }.into());
        }
        Ok(())
    });
    let registry = Registry::new().kind("big", |ctx: Ctx, small: bool| async move {
        let step = ctx.step("grow", move |_| async move {
            Ok::<String, Failure>(if small { "small".into() } else { "too big".into() })
        });
        step.await
    });
    let store = Arc::new(Hooks { before_commit: before, ..Hooks::default() });
    let node = Node::start(store, registry, NodeOptions::default()).expect("starts");
    let world = World::with(node);
    let big = world.start("big/1", "false").await;
    world.until(&big, Status::Parked).await;
    let parked = world.events(&big).await.into_iter().rev().find_map(|event| match event {
        Event::Parked { failure } => Some(failure),
        _ => None,
    });
    let parked = parked.expect("it says why");
    assert!(parked.is("not_stored") && parked.message.contains("limit"), "{parked:?}");
    let small = world.start("big/2", "true").await;
    assert_eq!(world.result(&small).await, "\"small\"");
    // Once the store takes it, it goes on where it was.
    refuses.store(false, Ordering::SeqCst);
    world.node.resume(&big, "test").await.expect("resumed");
    assert_eq!(world.result(&big).await, "\"too big\"");
    pause(1).await;
}
