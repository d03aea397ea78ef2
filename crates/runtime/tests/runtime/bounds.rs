//! What one process does must not hold up the others.

use crate::world::{World, pause};
use greenroom_runtime::journal::{
    AskRow, Commit, DeadLetter, Done, Error, Journal, Lease, Listing, Loaded, Memory, Outcome,
    PlaceRow, Places, ProcessRow, Scope, StateRow,
};
use greenroom_runtime::model::{BlobRef, Failure, Millis, ProcessId, ProcessNo, Status};
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

/// A store whose blobs, or whose timers, can be made to wait.
#[derive(Default)]
struct Gated {
    store: Memory,
    blobs: Gate,
    due: Gate,
}

impl Journal for Gated {
    fn commit(&self, group: &[Commit]) -> Result<Vec<Outcome>, Error> {
        self.store.commit(group)
    }
    fn acquire(&self, owner: &str, at: Millis) -> Result<Lease, Error> {
        self.store.acquire(owner, at)
    }
    fn find(&self, id: &ProcessId) -> Result<Option<ProcessRow>, Error> {
        self.store.find(id)
    }
    fn load(&self, no: ProcessNo, scope: Scope) -> Result<Option<Loaded>, Error> {
        self.store.load(no, scope)
    }
    fn list(&self, listing: &Listing) -> Result<Vec<ProcessRow>, Error> {
        self.store.list(listing)
    }
    fn runnable(&self, after: ProcessNo, limit: usize) -> Result<Vec<ProcessNo>, Error> {
        self.store.runnable(after, limit)
    }
    fn due(
        &self,
        after: (Millis, ProcessNo),
        limit: usize,
    ) -> Result<Vec<(Millis, ProcessNo)>, Error> {
        self.due.pass();
        self.store.due(after, limit)
    }
    fn state(&self, no: ProcessNo) -> Result<Vec<StateRow>, Error> {
        self.store.state(no)
    }
    fn asks(&self, process: Option<&ProcessId>) -> Result<Vec<AskRow>, Error> {
        self.store.asks(process)
    }
    fn places(&self, places: &Places) -> Result<Vec<PlaceRow>, Error> {
        self.store.places(places)
    }

    fn dead(&self, limit: usize) -> Result<Vec<DeadLetter>, Error> {
        self.store.dead(limit)
    }
    fn request(&self, key: &str, at: Millis) -> Result<Option<Done>, Error> {
        self.store.request(key, at)
    }
    fn put_blob(&self, text: &str) -> Result<BlobRef, Error> {
        self.blobs.pass();
        self.store.put_blob(text)
    }
    fn get_blob(&self, blob: &BlobRef) -> Result<String, Error> {
        self.store.get_blob(blob)
    }
    fn verify(&self, progress: &mut dyn FnMut(usize)) -> Result<Vec<String>, Error> {
        self.store.verify(progress)
    }
    fn describe(&self) -> String {
        self.store.describe()
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

fn world(options: NodeOptions) -> (World, Arc<Gated>) {
    let store = Arc::new(Gated::default());
    let node = Node::start(store.clone(), registry(), options).expect("starts");
    (World::with(node), store)
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
    let (world, store) = world(NodeOptions { workers: 2, ..NodeOptions::default() });
    store.blobs.set(true);
    let big = world.start("big/1", "1000000").await;
    until(|| store.blobs.waiting() == 1).await;
    for key in 0..20 {
        let id = world.start(&format!("echo/{key}"), "\"abc\"").await;
        assert_eq!(world.result(&id).await, "3");
    }
    assert_eq!(store.blobs.waiting(), 1, "it waits still");
    store.blobs.set(false);
    assert_eq!(world.result(&big).await, "1000000");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_message_and_a_large_input_are_written_beside_them_too() {
    let (world, store) = world(NodeOptions { workers: 2, ..NodeOptions::default() });
    let inbox = world.start("inbox/1", "null").await;
    let text = format!("\"{}\"", "x".repeat(100_000));
    store.blobs.set(true);
    let large = async {
        let sent = world.send(&inbox, "text", &text);
        let (_, started) = futures_util::future::join(sent, world.start("echo/big", &text)).await;
        assert_eq!(world.result(&started).await, "100000");
        assert_eq!(world.result(&inbox).await, "100000");
    };
    let small = async {
        until(|| store.blobs.waiting() == 2).await;
        let id: ProcessId = world.start("echo/small", "\"abc\"").await;
        assert_eq!(world.result(&id).await, "3");
        store.blobs.set(false);
    };
    futures_util::future::join(large, small).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn timers_are_read_beside_the_commits_that_note_them() {
    let store = Arc::new(Gated::default());
    store.due.set(true);
    let node = Node::start(store.clone(), registry(), NodeOptions::default()).expect("starts");
    let world = World::with(node);
    until(|| store.due.waiting() == 1).await;
    let mut naps = Vec::new();
    for key in 0..20 {
        let id = world.start(&format!("nap/{key}"), "30").await;
        world.until(&id, Status::Sleeping).await;
        naps.push(id);
    }
    let id = world.start("echo/1", "\"abc\"").await;
    assert_eq!(world.result(&id).await, "3");
    store.due.set(false);
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
