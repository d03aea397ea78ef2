//! Code that blocks or spins keeps its own thread, and nobody else's.

use crate::world::{World, pause};
use greenroom_runtime::journal::Memory;
use greenroom_runtime::model::{Exit, Failure, ProcessId, Status};
use greenroom_runtime::{Ctx, Node, NodeOptions, Registry};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

type Ran = Result<u64, Failure>;

/// Blocks whoever comes, until it is opened.
#[derive(Default)]
struct Gate {
    open: Mutex<bool>,
    opened: Condvar,
    inside: AtomicUsize,
}

impl Gate {
    fn pass(&self) {
        self.inside.fetch_add(1, Ordering::SeqCst);
        let mut open = self.open.lock().expect("a lock");
        while !*open {
            open = self.opened.wait(open).expect("a lock");
        }
        self.inside.fetch_sub(1, Ordering::SeqCst);
    }

    fn open(&self) {
        *self.open.lock().expect("a lock") = true;
        self.opened.notify_all();
    }

    async fn until_inside(&self, count: usize) {
        for _ in 0..4_000 {
            if self.inside.load(Ordering::SeqCst) == count {
                return;
            }
            pause(5).await;
        }
        panic!("{} are inside, not {count}", self.inside.load(Ordering::SeqCst));
    }
}

/// A test that fails must not leave its threads behind the gate.
struct Opens(Arc<Gate>);

impl Drop for Opens {
    fn drop(&mut self) {
        self.0.open();
    }
}

async fn chain(ctx: Ctx, count: u64) -> Ran {
    let mut sum = 0;
    for n in 1..=count {
        sum += ctx.step("add", move |_| async move { Ran::Ok(n) }).await?;
        ctx.sleep(Duration::from_millis(1)).await?;
    }
    Ok(sum)
}

fn registry(gate: &Arc<Gate>) -> Registry {
    let (at_once, later, turn) = (gate.clone(), gate.clone(), gate.clone());
    Registry::new()
        .kind("chain", chain)
        .kind("blocker", move |ctx: Ctx, _: ()| {
            let gate = at_once.clone();
            async move {
                let step = ctx.step("block", move |_| {
                    let gate = gate.clone();
                    async move {
                        gate.pass();
                        Ran::Ok(1)
                    }
                });
                step.await
            }
        })
        .kind("late", move |ctx: Ctx, _: ()| {
            let gate = later.clone();
            async move {
                let step = ctx.step("block", move |_| {
                    let gate = gate.clone();
                    async move {
                        pause(1).await;
                        gate.pass();
                        Ran::Ok(1)
                    }
                });
                step.await
            }
        })
        .kind("spinner", move |ctx: Ctx, ends: bool| {
            let gate = turn.clone();
            async move {
                ctx.step("before", |_| async { Ran::Ok(1) }).await?;
                gate.pass();
                if ends {
                    return Ran::Ok(2);
                }
                ctx.step("after", |_| async { Ran::Ok(1) }).await
            }
        })
}

fn world(gate: &Arc<Gate>, store: Arc<Memory>) -> World {
    let turn_time_max = Duration::from_millis(300);
    let options = NodeOptions { workers: 2, turn_time_max, ..NodeOptions::default() };
    let node = Node::start(store.clone(), registry(gate), options).expect("starts");
    World { node, store }
}

async fn blocks(kind: &str) {
    let gate = Arc::new(Gate::default());
    let world = world(&gate, Arc::new(Memory::new()));
    let _opens = Opens(gate.clone());
    let mut blockers: Vec<ProcessId> = Vec::new();
    for key in 0..64 {
        blockers.push(world.start(&format!("{kind}/{key}"), "null").await);
    }
    let id = world.start("chain/1", "10").await;
    assert_eq!(world.result(&id).await, "55");
    gate.until_inside(64).await;
    let id = world.start("chain/2", "20").await;
    assert_eq!(world.result(&id).await, "210");
    gate.open();
    for id in &blockers {
        assert_eq!(world.result(id).await, "1");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_that_block_at_once_hold_up_nobody() {
    blocks("blocker").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_that_block_after_an_await_hold_up_nobody() {
    blocks("late").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_is_not_lost_to_a_step_that_blocks() {
    let gate = Arc::new(Gate::default());
    let world = world(&gate, Arc::new(Memory::new()));
    let _opens = Opens(gate.clone());
    let id = world.start("blocker/1", "null").await;
    gate.until_inside(1).await;
    world.node.cancel(&id, "no more", "test").await.expect("cancelled");
    world.until(&id, Status::Cancelled).await;
    gate.open();
    assert_eq!(world.exit(&id).await, Exit::Cancelled("no more".into()));
}

/// Waits until somebody who looks at the node hears of it.
async fn until_named(world: &World, words: &str) {
    for _ in 0..2_000 {
        let troubles = world.node.health().troubles;
        if troubles.iter().any(|trouble| trouble.what.contains(words)) {
            return;
        }
        pause(5).await;
    }
    panic!("{words} is not named: {:?}", world.node.health().troubles);
}

#[tokio::test(flavor = "multi_thread")]
async fn turns_that_do_not_yield_are_named_and_stopped_when_they_do() {
    let gate = Arc::new(Gate::default());
    let world = world(&gate, Arc::new(Memory::new()));
    let _opens = Opens(gate.clone());
    for key in ["1", "2", "3"] {
        world.start(&format!("spinner/{key}"), "false").await;
    }
    let ends = world.start("spinner/ends", "true").await;
    gate.until_inside(4).await;
    let id = world.start("chain/1", "20").await;
    assert_eq!(world.result(&id).await, "210");
    until_named(&world, "a turn of spinner/1 has been running for").await;
    gate.open();
    for key in ["1", "2", "3"] {
        let id = format!("spinner/{key}").parse().expect("an id");
        assert!(world.failure(&id).await.contains("turn_timeout"), "{id}");
        assert!(!world.names(&id).await[3..].contains(&"StepStarted"), "nothing more is done");
    }
    assert_eq!(world.result(&ends).await, "2");
    // What has ended is no trouble.
    for _ in 0..2_000 {
        if world.node.health().troubles.is_empty() {
            return;
        }
        pause(5).await;
    }
    panic!("{:?}", world.node.health().troubles);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_blocks_is_named() {
    let gate = Arc::new(Gate::default());
    let world = world(&gate, Arc::new(Memory::new()));
    let _opens = Opens(gate.clone());
    world.start("blocker/1", "null").await;
    until_named(&world, "step `block` (operation 1) of blocker/1 has held its thread for").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_spins_and_is_killed_is_not_begun_by_the_next_node() {
    let gate = Arc::new(Gate::default());
    let store = Arc::new(Memory::new());
    let opens = Opens(gate.clone());
    let first = world(&gate, store.clone());
    let id = first.start("spinner/1", "false").await;
    gate.until_inside(1).await;
    first.node.kill(&id, "it spins", "test").await.expect("killed");
    // The next node has the store while the thread of the first still blocks.
    let shut = Arc::new(Gate::default());
    let second = world(&shut, store);
    let _shut = Opens(shut.clone());
    assert_eq!(second.exit(&id).await, Exit::Killed("it spins".into()));
    assert_eq!(shut.inside.load(Ordering::SeqCst), 0);
    drop(opens);
}
