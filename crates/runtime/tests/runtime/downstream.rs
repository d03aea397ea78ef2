//! A queue before a downstream that slows down, fails and recovers: the limit
//! falls and grows, the circuit opens and closes, others go on, nothing is lost.

use crate::world::{Ran, World, pause};
use greenroom_runtime::model::queue::{Breaker, CircuitState, QueueSpec, QueueView};
use greenroom_runtime::model::{Failure, ProcessId, Retry};
use greenroom_runtime::{Ctx, Registry};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// It serves so many at once well; asked for more it is slower for all, and
/// asked for far more it says so. It can be down.
#[derive(Clone, Default)]
struct Downstream {
    inside: Arc<AtomicU32>,
    most: Arc<AtomicU32>,
    calls: Arc<AtomicU32>,
    served: Arc<AtomicU32>,
    /// How many it serves well; 0: it is down.
    room: Arc<AtomicU32>,
    retry_after_ms: Arc<AtomicU64>,
}

impl Downstream {
    async fn call(self) -> Ran {
        let inside = self.inside.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(inside, Ordering::SeqCst);
        self.calls.fetch_add(1, Ordering::SeqCst);
        let room = self.room.load(Ordering::SeqCst);
        pause(if inside > room && room > 0 { 60 } else { 5 }).await;
        self.inside.fetch_sub(1, Ordering::SeqCst);
        if room == 0 {
            return Err(Failure::new("connection", "refused"));
        }
        if inside > 2 * room {
            let failure = Failure::new("overloaded", "too many at once");
            return Err(match self.retry_after_ms.load(Ordering::SeqCst) {
                0 => failure,
                ms => failure.retry_after(Duration::from_millis(ms)),
            });
        }
        self.served.fetch_add(1, Ordering::SeqCst);
        Ok(1)
    }

    /// A process that calls it so often, and one that has nothing to do with it.
    fn registry(&self) -> Registry {
        let downstream = self.clone();
        let caller = move |ctx: Ctx, calls: u32| {
            let downstream = downstream.clone();
            async move {
                let patient = Retry {
                    first_delay: Duration::from_millis(5),
                    delay_max: Duration::from_millis(50),
                    ..Retry::forever()
                };
                let mut sum = 0;
                for _ in 0..calls {
                    let downstream = downstream.clone();
                    let step = ctx.step("call", move |_| downstream.clone().call());
                    sum += step.retry(patient.clone()).queue("model").await?;
                }
                Ran::Ok(sum)
            }
        };
        Registry::new().kind("caller", caller).kind("other", |ctx: Ctx, _: ()| async move {
            ctx.step("own", |_| async { Ran::Ok(7) }).await
        })
    }
}

fn model(world: &World) -> QueueView {
    world.node.queues().into_iter().next().expect("a queue")
}

async fn callers(world: &World, count: usize, calls: u32) -> Vec<ProcessId> {
    let mut ids = Vec::new();
    for n in 0..count {
        ids.push(world.start(&format!("caller/{n}"), &calls.to_string()).await);
    }
    ids
}

async fn until(what: &str, mut is: impl FnMut() -> bool) {
    for _ in 0..4_000 {
        if is() {
            return;
        }
        pause(5).await;
    }
    panic!("never: {what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrency_follows_what_the_downstream_can_take() {
    let downstream = Downstream::default();
    downstream.room.store(100, Ordering::SeqCst);
    let queue = QueueSpec::new("model").adaptive(2, 24);
    let world = World::new(downstream.registry().queue(queue));
    let ids = callers(&world, 40, 40).await;
    until("it grows", || model(&world).limit.is_some_and(|limit| limit >= 20)).await;
    downstream.room.store(3, Ordering::SeqCst);
    until("it falls", || model(&world).limit.is_some_and(|limit| limit <= 8)).await;
    assert!(model(&world).waiting > 0);
    // It holds others up in no way.
    let other = world.start("other/1", "null").await;
    assert_eq!(world.result(&other).await, "7");
    downstream.room.store(100, Ordering::SeqCst);
    until("it recovers", || model(&world).limit.is_some_and(|limit| limit >= 12)).await;
    for id in &ids {
        assert_eq!(world.result(id).await, "40", "nothing is lost");
    }
    assert_eq!(downstream.served.load(Ordering::SeqCst), 1_600, "and nothing is done twice");
    assert!(downstream.most.load(Ordering::SeqCst) <= 24);
}

fn guarded(fails_fast: bool) -> QueueSpec {
    let open_for = Duration::from_millis(300);
    let breaker = Breaker { failures: 3, window: 6, open_for, probes: 2, fails_fast };
    QueueSpec::new("model").concurrency(4).breaker(breaker)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_circuit_opens_leaves_it_alone_and_closes() {
    let downstream = Downstream::default();
    let world = World::new(downstream.registry().queue(guarded(false)));
    let ids = callers(&world, 12, 2).await;
    until("it opens", || model(&world).circuit == Some(CircuitState::Open)).await;
    let other = world.start("other/1", "null").await;
    assert_eq!(world.result(&other).await, "7");
    pause(650).await;
    // Those under way when it opened, and two probes for each time it was open.
    let calls = downstream.calls.load(Ordering::SeqCst);
    assert!(calls <= 3 + 4 + 2 * 3, "{calls} calls of what is down");
    downstream.room.store(100, Ordering::SeqCst);
    for id in &ids {
        assert_eq!(world.result(id).await, "2", "nothing is lost");
    }
    let after = model(&world);
    assert_eq!((after.circuit, after.waiting), (Some(CircuitState::Closed), 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_circuit_can_fail_steps_at_once() {
    let downstream = Downstream::default();
    let world = World::new(downstream.registry().queue(guarded(true)));
    let ids = callers(&world, 8, 1).await;
    let mut open = 0;
    for id in &ids {
        let words = world.failure(id).await;
        open +=
            u32::from(words.contains("circuit_open: what lies behind the queue `model` is down"));
    }
    assert_eq!(open, 8, "with retries for ever, each ends at the open circuit");
    assert_eq!(model(&world).waiting, 0);
    downstream.room.store(100, Ordering::SeqCst);
    pause(350).await;
    let id = world.start("caller/again", "3").await;
    assert_eq!(world.result(&id).await, "3");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_downstream_is_left_alone_for_as_long_as_it_asks() {
    let downstream = Downstream::default();
    downstream.room.store(1, Ordering::SeqCst);
    downstream.retry_after_ms.store(2_000, Ordering::SeqCst);
    let world = World::new(downstream.registry().queue(QueueSpec::new("model").concurrency(3)));
    let ids = callers(&world, 6, 1).await;
    // Those that were let in before may come yet.
    let held = |view: QueueView| view.held_for_ms.is_some_and(|ms| ms > 1_000) && view.running == 0;
    until("it is held", || held(model(&world))).await;
    let calls = downstream.calls.load(Ordering::SeqCst);
    pause(200).await;
    assert_eq!(downstream.calls.load(Ordering::SeqCst), calls);
    downstream.room.store(100, Ordering::SeqCst);
    for id in &ids {
        assert_eq!(world.result(id).await, "1");
    }
}
