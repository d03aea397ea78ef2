//! What one process does must not hold up the others.

use crate::hooks::Hooks;
use crate::world::{World, pause};
use greenroom_runtime::model::{Failure, ProcessId, Status};
use greenroom_runtime::{Ctx, Node, NodeOptions, Registry, join_all};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// Whoever comes waits until it is opened.
#[derive(Default)]
struct Gate {
    /// Whether it is shut, and how many wait.
    state: Mutex<(bool, usize)>,
    changed: Condvar,
}

impl Gate {
    fn set(&self, shut: bool) {
        self.state.lock().expect("lock").0 = shut;
        self.changed.notify_all();
    }

    fn waiting(&self) -> usize {
        self.state.lock().expect("lock").1
    }

    fn pass(&self) {
        let mut state = self.state.lock().expect("lock");
        state.1 += 1;
        while state.0 {
            state = self.changed.wait(state).expect("lock");
        }
        state.1 -= 1;
    }
}

fn registry() -> Registry {
    Registry::new()
        .kind("big", |ctx: Ctx, bytes: usize| async move {
            let made =
                ctx.step("make", move |_| async move { Ok::<_, Failure>("x".repeat(bytes)) });
            Ok::<usize, Failure>(made.await?.len())
        })
        .kind("echo", |_: Ctx, text: String| async move { Ok::<usize, Failure>(text.len()) })
        .kind("inbox", |ctx: Ctx, _: ()| async move {
            Ok::<usize, Failure>(ctx.recv().await?.read::<String>()?.len())
        })
        .kind("nap", |ctx: Ctx, ms: u64| async move {
            ctx.sleep(Duration::from_millis(ms)).await?;
            Ok::<usize, Failure>(0)
        })
}

/// A world whose blobs can be made to wait.
fn world(options: NodeOptions) -> (World, Arc<Gate>) {
    let gate = Arc::new(Gate::default());
    let blobs = gate.clone();
    let store = Hooks { before_blob: Box::new(move || blobs.pass()), ..Hooks::default() };
    let node = Node::start(Arc::new(store), registry(), options).expect("starts");
    (World::with(node), gate)
}

async fn until(what: impl Fn() -> bool) {
    for _ in 0..5_000 {
        if what() {
            return;
        }
        pause(2).await;
    }
    panic!("it never came to that");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_result_is_written_beside_the_commits_of_others() {
    let (world, blobs) = world(NodeOptions { workers: 2, ..NodeOptions::default() });
    blobs.set(true);
    let big = world.start("big/1", "1000000").await;
    until(|| blobs.waiting() == 1).await;
    for key in 0..20 {
        let id = world.start(&format!("echo/{key}"), "\"abc\"").await;
        assert_eq!(world.result(&id).await, "3");
    }
    assert_eq!(blobs.waiting(), 1, "it waits still");
    blobs.set(false);
    assert_eq!(world.result(&big).await, "1000000");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_message_and_a_large_input_are_written_beside_them_too() {
    let (world, blobs) = world(NodeOptions { workers: 2, ..NodeOptions::default() });
    let inbox = world.start("inbox/1", "null").await;
    let text = format!("\"{}\"", "x".repeat(100_000));
    blobs.set(true);
    let large = async {
        let sent = world.send(&inbox, "text", &text);
        let (_, started) = futures_util::future::join(sent, world.start("echo/big", &text)).await;
        assert_eq!(world.result(&started).await, "100000");
        assert_eq!(world.result(&inbox).await, "100000");
    };
    let small = async {
        until(|| blobs.waiting() == 2).await;
        let id: ProcessId = world.start("echo/small", "\"abc\"").await;
        assert_eq!(world.result(&id).await, "3");
        blobs.set(false);
    };
    futures_util::future::join(large, small).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn timers_are_read_beside_the_commits_that_note_them() {
    let due = Arc::new(Gate::default());
    due.set(true);
    let gate = due.clone();
    let store = Hooks { before_due: Box::new(move || gate.pass()), ..Hooks::default() };
    let node = Node::start(Arc::new(store), registry(), NodeOptions::default()).expect("starts");
    let world = World::with(node);
    until(|| due.waiting() == 1).await;
    let mut naps = Vec::new();
    for key in 0..20 {
        let id = world.start(&format!("nap/{key}"), "300").await;
        world.until(&id, Status::Sleeping).await;
        naps.push(id);
    }
    let id = world.start("echo/1", "\"abc\"").await;
    assert_eq!(world.result(&id).await, "3");
    due.set(false);
    let results = join_all(naps.iter().map(|id| world.result(id))).await;
    assert!(results.iter().all(|result| result == "0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_is_bounded_by_bytes() {
    let limit = 1 << 20;
    let options = NodeOptions { resident_bytes_max: limit, ..NodeOptions::default() };
    let (world, _) = world(options);
    let text = format!("\"{}\"", "x".repeat(50_000));
    let mut ids = Vec::new();
    for key in 0..100 {
        let id = world.start(&format!("inbox/{key}"), "null").await;
        // It waits for another, with one of many bytes taken in and left lying.
        world.until(&id, Status::Receiving).await;
        ids.push(id);
    }
    assert_eq!(world.node.health().resident, 100, "they are small");
    for id in &ids {
        world.node.pause(id, "test").await.expect("paused");
        world.until(id, Status::Paused).await;
        world.send(id, "text", &text).await;
    }
    until(|| world.node.health().resident_bytes <= limit + 60_000).await;
    let resident = world.node.health().resident;
    assert!((5..40).contains(&resident), "{resident} are in memory");
    for id in &ids {
        world.node.resume(id, "test").await.expect("resumed");
        assert_eq!(world.result(id).await, "50000");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_steps_at_once_each_run_once() {
    let registry = Registry::new().kind("wide", |ctx: Ctx, width: u64| async move {
        let steps =
            (0..width).map(|n| ctx.step("one", move |_| async move { Ok::<_, Failure>(n) }));
        let all = join_all(steps).await.into_iter().sum::<Result<u64, Failure>>()?;
        Ok::<u64, Failure>(all)
    });
    let world = World::new(registry);
    let id = world.start("wide/1", "10000").await;
    assert_eq!(world.result(&id).await, "49995000");
    let names = world.names(&id).await;
    assert_eq!(names.iter().filter(|name| **name == "StepCompleted").count(), 10_000);
}
