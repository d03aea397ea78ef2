//! Queues for steps: limits that hold, places that are kept and given back.

use crate::world::{Ran, World, counter, pause};
use greenroom_runtime::journal::Memory;
use greenroom_runtime::model::queue::{QueueSpec, QueueView};
use greenroom_runtime::model::{Exit, Failure, ProcessId, Retry, Status};
use greenroom_runtime::{Ctx, Error, KindOptions, Node, NodeOptions, Registry, select};
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What the steps of a test call: counts how many are inside, notes who began,
/// and can be shut.
#[derive(Clone, Default)]
struct Place {
    inside: Arc<AtomicU32>,
    most: Arc<AtomicU32>,
    began: Arc<Mutex<Vec<String>>>,
    shut: Arc<AtomicBool>,
}

struct Inside(Place);

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Place {
    fn shut() -> Place {
        let place = Place::default();
        place.shut.store(true, Ordering::SeqCst);
        place
    }

    fn enter(&self, name: &str) -> Inside {
        let inside = self.inside.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(inside, Ordering::SeqCst);
        self.began.lock().expect("a list").push(name.to_owned());
        Inside(self.clone())
    }

    async fn visit(&self, name: &str) {
        let inside = self.enter(name);
        pause(3).await;
        while self.shut.load(Ordering::SeqCst) {
            pause(2).await;
        }
        drop(inside);
    }

    fn began(&self) -> Vec<String> {
        self.began.lock().expect("a list").clone()
    }

    async fn until_began(&self, count: usize) {
        for _ in 0..2_000 {
            if self.began().len() >= count {
                return;
            }
            pause(2).await;
        }
        panic!("only {:?} have begun", self.began());
    }

    fn open(&self) {
        self.shut.store(false, Ordering::SeqCst);
    }
}

fn view(world: &World, name: &str) -> QueueView {
    let views = world.node.queues();
    views.into_iter().find(|view| view.name == name).expect("a queue")
}

async fn until_waiting(world: &World, name: &str, waiting: usize) {
    for _ in 0..2_000 {
        if view(world, name).waiting == waiting {
            return;
        }
        pause(2).await;
    }
    panic!("not {waiting} waiting: {:?}", view(world, name));
}

/// A kind whose only step visits the place, once; its input is its name.
fn visitor(place: &Place) -> Registry {
    let place = place.clone();
    Registry::new().kind("visitor", move |ctx: Ctx, (name, priority): (String, u8)| {
        let place = place.clone();
        async move {
            let tenant = name.split('-').next().unwrap_or("").to_owned();
            ctx.step("visit", move |_| {
                let (place, name) = (place.clone(), name.clone());
                async move {
                    place.visit(&name).await;
                    Ran::Ok(1)
                }
            })
            .at_most_once()
            .queue("door")
            .priority(priority)
            .tenant(&tenant)
            .await
        }
    })
}

async fn visits(world: &World, name: &str, priority: u8) -> ProcessId {
    world.start(&format!("visitor/{name}"), &format!("[\"{name}\",{priority}]")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_steps_at_once_than_the_queue_says_and_all_in_the_end() {
    let place = Place::default();
    let registry = visitor(&place).queue(QueueSpec::new("door").concurrency(3));
    let world = World::new(registry);
    let mut ids = Vec::new();
    for n in 0..30 {
        ids.push(visits(&world, &format!("t-{n}"), 0).await);
    }
    for id in &ids {
        assert_eq!(world.result(id).await, "1");
    }
    assert_eq!((place.most.load(Ordering::SeqCst), place.began().len()), (3, 30));
    let names = world.names(&ids[0]).await;
    let wanted =
        ["WorkflowStarted", "StepStarted", "StepAdmitted", "StepCompleted", "WorkflowCompleted"];
    assert_eq!(names, wanted);
    let left = view(&world, "door");
    assert_eq!((left.waiting, left.running, left.limit), (0, 0, Some(3)));
}

#[tokio::test(flavor = "multi_thread")]
async fn priority_goes_first_and_tenants_take_turns() {
    let place = Place::shut();
    let world = World::new(visitor(&place).queue(QueueSpec::new("door").concurrency(1)));
    visits(&world, "first-0", 0).await;
    place.until_began(1).await;
    let wave = [("big-1", 0), ("big-2", 0), ("big-3", 0), ("small-1", 0), ("urgent-1", 7)];
    for (count, (name, priority)) in wave.into_iter().enumerate() {
        visits(&world, name, priority).await;
        until_waiting(&world, "door", count + 1).await;
        pause(3).await;
    }
    place.open();
    place.until_began(6).await;
    assert_eq!(place.began(), ["first-0", "urgent-1", "big-1", "small-1", "big-2", "big-3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_waits_has_not_begun_when_the_node_goes_and_keeps_its_place() {
    let place = Place::shut();
    let spec = || QueueSpec::new("door").concurrency(1);
    let world = World::new(visitor(&place).queue(spec()));
    visits(&world, "a-0", 0).await;
    place.until_began(1).await;
    let mut ids = Vec::new();
    // Names that sort otherwise than they line up.
    for name in ["t-9", "t-1", "t-8", "t-2"] {
        ids.push(visits(&world, name, 0).await);
        until_waiting(&world, "door", ids.len()).await;
        pause(3).await;
    }
    // No time to end anything in order: as after a crash.
    world.node.stop(Duration::ZERO).await;
    let store = world.store.clone();
    drop(world);
    place.open();
    let world = World::on(store, visitor(&place).queue(spec()));
    for id in &ids {
        assert_eq!(world.result(id).await, "1", "at most once, and not unknown");
    }
    assert_eq!(place.began(), ["a-0", "t-9", "t-1", "t-8", "t-2"]);
    let begun = world.failure(&"visitor/a-0".parse().expect("an id")).await;
    assert!(begun.contains("unknown"), "that one had begun: {begun}");
}

/// A kind whose step goes wrong in the way its input says.
fn wrongdoer(registry: Registry, place: &Place) -> Registry {
    let place = place.clone();
    registry.kind("bad", move |ctx: Ctx, how: String| {
        let place = place.clone();
        async move {
            let late = how == "late";
            let step = ctx
                .step("visit", move |_| {
                    let (place, how) = (place.clone(), how.clone());
                    async move {
                        let inside = place.enter(&how);
                        assert_ne!(how, "panics", "in a step");
                        if how == "fails" {
                            return Err(Failure::msg("no"));
                        }
                        pause(60_000).await;
                        drop(inside);
                        Ran::Ok(1)
                    }
                })
                .queue("door")
                .retry(Retry::never());
            let step = if late { step.timeout(Duration::from_millis(20)) } else { step };
            step.await
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn no_slot_is_lost_whatever_becomes_of_a_step() {
    let place = Place::default();
    let registry = wrongdoer(visitor(&place), &place);
    let world = World::new(registry.queue(QueueSpec::new("door").concurrency(1)));
    for (count, how) in ["panics", "fails", "late", "cancel", "kill"].into_iter().enumerate() {
        let id = world.start(&format!("bad/{how}"), &format!("\"{how}\"")).await;
        place.until_began(2 * count + 1).await;
        // One that stands behind it, and one that goes away from there.
        let behind = visits(&world, &format!("t-{how}"), 0).await;
        let gone = visits(&world, &format!("gone-{how}"), 0).await;
        if how == "cancel" || how == "kill" {
            until_waiting(&world, "door", 2).await;
            world.node.cancel(&gone, "no", "test").await.expect("asked");
            until_waiting(&world, "door", 1).await;
            match how {
                "cancel" => world.node.cancel(&id, "no", "test").await.expect("asked"),
                _ => world.node.kill(&id, "no", "test").await.expect("asked"),
            };
        }
        world.failure(&id).await;
        assert_eq!(world.result(&behind).await, "1", "{how}");
        world.exit(&gone).await;
        place.began.lock().expect("a list").truncate(2 * count + 2);
    }
    let left = view(&world, "door");
    assert_eq!((left.waiting, left.running), (0, 0));
    assert_eq!(place.most.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_process_leaves_the_queue_and_lines_up_again() {
    let place = Place::shut();
    let world = World::new(visitor(&place).queue(QueueSpec::new("door").concurrency(1)));
    let first = visits(&world, "a-0", 0).await;
    place.until_began(1).await;
    let paused = visits(&world, "b-1", 0).await;
    until_waiting(&world, "door", 1).await;
    world.node.pause(&paused, "test").await.expect("asked");
    until_waiting(&world, "door", 0).await;
    place.open();
    assert_eq!(world.result(&first).await, "1");
    pause(20).await;
    assert_eq!(place.began(), ["a-0"]);
    world.node.resume(&paused, "test").await.expect("asked");
    assert_eq!(world.result(&paused).await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_loses_a_select_leaves_the_queue() {
    let place = Place::shut();
    let calls = place.clone();
    let registry = visitor(&place).kind("hasty", move |ctx: Ctx, _: ()| {
        let place = calls.clone();
        async move {
            let step = ctx.step("visit", move |_| {
                let place = place.clone();
                async move {
                    place.visit("hasty").await;
                    Ran::Ok(1)
                }
            });
            let nap = ctx.sleep(Duration::from_millis(30));
            select(step.queue("door").into_future(), nap).await;
            Ran::Ok(7)
        }
    });
    let world = World::new(registry.queue(QueueSpec::new("door").concurrency(1)));
    let first = visits(&world, "a-0", 0).await;
    place.until_began(1).await;
    let hasty = world.start("hasty/1", "null").await;
    assert_eq!(world.result(&hasty).await, "7");
    assert_eq!(view(&world, "door").waiting, 0);
    place.open();
    assert_eq!(world.result(&first).await, "1");
    assert_eq!(place.began(), ["a-0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_need_not_stay_in_memory() {
    let place = Place::shut();
    let registry = visitor(&place).queue(QueueSpec::new("door").concurrency(1));
    let options = NodeOptions { resident_max: 1, ..NodeOptions::default() };
    let node = Node::start(Arc::new(Memory::new()), registry, options).expect("starts");
    let world = World::with(node);
    let mut ids = Vec::new();
    for n in 0..40 {
        ids.push(visits(&world, &format!("t-{n}"), 0).await);
    }
    until_waiting(&world, "door", 39).await;
    assert!(world.node.health().resident < 10, "{}", world.node.health().resident);
    place.open();
    for id in &ids {
        assert_eq!(world.result(id).await, "1");
    }
    assert_eq!((place.most.load(Ordering::SeqCst), place.began().len()), (1, 40));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_lines_up_again_and_waiting_takes_none_of_a_timeout() {
    let place = Place::shut();
    let (count, calls) = counter();
    let registry = visitor(&place).kind("flaky", move |ctx: Ctx, _: ()| {
        let calls = calls.clone();
        async move {
            let retry = Retry { first_delay: Duration::from_millis(1), ..Retry::attempts(3) };
            let step =
                    ctx.step("call", move |step| {
                        calls.fetch_add(1, Ordering::SeqCst);
                        async move {
                            if step.attempt() < 3 { Err(Failure::msg("busy")) } else { Ok(7_u64) }
                        }
                    });
            step.retry(retry).queue("door").timeout(Duration::from_millis(500)).await
        }
    });
    let world = World::new(registry.queue(QueueSpec::new("door").concurrency(1)));
    let first = visits(&world, "a-0", 0).await;
    place.until_began(1).await;
    let flaky = world.start("flaky/1", "null").await;
    until_waiting(&world, "door", 1).await;
    pause(600).await;
    assert_eq!(count.load(Ordering::SeqCst), 0);
    place.open();
    assert_eq!(world.result(&first).await, "1");
    assert_eq!(world.result(&flaky).await, "7");
    let names = world.names(&flaky).await;
    let admitted = names.iter().filter(|name| **name == "StepAdmitted").count();
    assert_eq!((admitted, count.load(Ordering::SeqCst)), (3, 3), "{names:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_begin_at_the_rate_of_their_queue() {
    let place = Place::default();
    let rate = QueueSpec::new("door").rate(50, Duration::from_secs(1));
    let world = World::new(visitor(&place).queue(rate));
    let begun = Instant::now();
    let mut ids = Vec::new();
    for n in 0..11 {
        ids.push(visits(&world, &format!("t-{n}"), 0).await);
    }
    for id in &ids {
        assert_eq!(world.result(id).await, "1");
    }
    assert!(begun.elapsed() >= Duration::from_millis(200), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_has_a_limit_of_its_own() {
    let place = Place::default();
    let options = KindOptions { steps_max: Some(2), ..KindOptions::default() };
    let registry = visitor(&place).with_options("visitor", options);
    let world = World::new(registry.queue(QueueSpec::new("door").concurrency(9)));
    let mut ids = Vec::new();
    for n in 0..12 {
        ids.push(visits(&world, &format!("t-{n}"), 0).await);
    }
    for id in &ids {
        assert_eq!(world.result(id).await, "1");
    }
    assert_eq!((place.most.load(Ordering::SeqCst), place.began().len()), (2, 12));
    assert_eq!(view(&world, "kind:visitor").limit, Some(2));
}

/// A kind of which two may be under way, that notes who begins and waits to be
/// told to end; `"fails"` has it fail.
fn guests(began: &Arc<Mutex<Vec<String>>>) -> Registry {
    let began = began.clone();
    let options = KindOptions { processes_max: Some(2), ..KindOptions::default() };
    let guest = move |ctx: Ctx, how: String| {
        let began = began.clone();
        async move {
            let key = ctx.id().key().to_owned();
            let note = ctx.step("note", move |_| {
                let (began, key) = (began.clone(), key.clone());
                async move {
                    began.lock().expect("a list").push(key);
                    Ran::Ok(0)
                }
            });
            note.await?;
            ctx.recv().await?;
            if how == "fails" { Err(Failure::msg("no")) } else { Ran::Ok(1) }
        }
    };
    Registry::new().kind("guest", guest).with_options("guest", options)
}

/// Those that begin together do so in any order.
async fn until_began(began: &Mutex<Vec<String>>, wanted: &[&str]) {
    let sorted = || {
        let mut keys = began.lock().expect("a list").clone();
        keys.sort();
        keys
    };
    let mut expected = wanted.to_vec();
    expected.sort_unstable();
    for _ in 0..2_000 {
        if sorted() == expected {
            // And nobody else does.
            pause(20).await;
            assert_eq!(sorted(), expected);
            return;
        }
        pause(2).await;
    }
    panic!("not {wanted:?}: {:?}", began.lock().expect("a list"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_processes_of_a_kind_begin_than_it_says_and_in_their_order() {
    let began = Arc::new(Mutex::new(Vec::new()));
    let world = World::new(guests(&began));
    let mut ids = Vec::new();
    for key in ["z", "y", "x", "fails", "w", "v", "u", "t"] {
        ids.push(world.start(&format!("guest/{key}"), &format!("\"{key}\"")).await);
        pause(3).await;
    }
    until_began(&began, &["z", "y"]).await;
    let door = view(&world, "processes:guest");
    assert_eq!((door.waiting, door.running, door.limit), (6, 2, Some(2)));
    assert_eq!(world.names(&ids[2]).await, ["WorkflowStarted"], "it has not begun");
    // What is said to one that waits is there when it begins.
    world.send(&ids[2], "go", "1").await;
    // One that is asked to end while it waits does, without having begun.
    world.node.cancel(&ids[4], "no", "test").await.expect("asked");
    assert!(world.failure(&ids[4]).await.contains("cancelled"));
    world.node.kill(&ids[5], "no", "test").await.expect("asked");
    assert!(world.failure(&ids[5]).await.contains("killed"));

    // Those under way count after a restart, also while nothing wakes them.
    let world = world.deploy(guests(&began)).await;
    pause(50).await;
    until_began(&began, &["z", "y"]).await;
    world.send(&ids[0], "go", "1").await;
    assert_eq!(world.result(&ids[0]).await, "1");
    // `x` has its message already, and makes room for the next.
    assert_eq!(world.result(&ids[2]).await, "1");
    until_began(&began, &["z", "y", "x", "fails"]).await;
    world.send(&ids[3], "go", "1").await;
    assert!(world.failure(&ids[3]).await.contains("no"));
    until_began(&began, &["z", "y", "x", "fails", "u"]).await;
    world.node.kill(&ids[1], "no", "test").await.expect("asked");
    until_began(&began, &["z", "y", "x", "fails", "u", "t"]).await;
    for id in [&ids[6], &ids[7]] {
        world.send(id, "go", "1").await;
        assert_eq!(world.result(id).await, "1");
    }
    // The store says that it has ended a moment before its place is free.
    while view(&world, "processes:guest").running > 0 {
        pause(2).await;
    }
    assert_eq!(view(&world, "processes:guest").waiting, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_said_before_anything_starts_or_at_the_step() {
    let start = |registry: Registry| {
        let node = Node::start(Arc::new(Memory::new()), registry, NodeOptions::default());
        match node {
            Err(Error::Registry(words)) => words,
            _ => panic!("not refused"),
        }
    };
    let door = || QueueSpec::new("door");
    assert!(start(Registry::new().queue(door().concurrency(0))).contains("concurrency 0"));
    let zero = door().rate(0, Duration::from_secs(1));
    assert!(start(Registry::new().queue(zero)).contains("a rate of 0 in 1s"));
    let twice = Registry::new().queue(door()).queue(door());
    assert!(start(twice).contains("the queue door is declared twice"));
    let options = KindOptions { processes_max: Some(0), ..KindOptions::default() };
    assert!(start(Registry::new().with_options("x", options)).contains("processes_max 0"));
    let options = KindOptions { steps_max: Some(0), ..KindOptions::default() };
    assert!(start(Registry::new().with_options("x", options)).contains("steps_max 0"));

    let words = start(visitor(&Place::default()).with_options("visitr", KindOptions::default()));
    let wanted = "options are given for `visitr`, and no kind of that name is registered; known: ";
    assert!(words.contains(wanted) && words.ends_with("visitor"), "{words}");
    let given = || visitor(&Place::default()).with_options("visitor", KindOptions::default());
    let twice = "options are given twice for the kind visitor";
    assert!(start(given().with_options("visitor", KindOptions::default())).contains(twice));
    let other = Registry::new().with_options("visitor", KindOptions::default());
    assert!(start(given().merge(other)).contains(twice));
    let ready = Registry::new().with_options("supervisor", KindOptions::default());
    let later = Registry::new().with_options("visitor", KindOptions::default());
    World::new(ready.merge(later).merge(visitor(&Place::default())));

    let place = Place::default();
    let registry = visitor(&place);
    let world = World::new(registry.clone().queue(QueueSpec::new("other")));
    let id = visits(&world, "a-0", 0).await;
    let words = world.failure(&id).await;
    let wanted = "unknown_queue: this node has no queue `door` (it has: other); declare it";
    assert!(words.contains(wanted), "{words}");
    // Declared, it goes on with a restart.
    let world = world.deploy(registry.queue(door().concurrency(1))).await;
    let asked = greenroom_runtime::RestartFrom::Failure;
    world.node.restart(&id, asked, "test").await.expect("asked");
    while !world.names(&id).await.contains(&"Restarted") {
        pause(5).await;
    }
    assert_eq!(world.result(&id).await, "1");
    let id = visits(&world, "a-1", 10).await;
    assert!(world.failure(&id).await.contains("bad_queue: priority 10 is too high: 0"));
}

/// What the processor has done for this test: other programs on the machine are
/// not in it, as they are in the time that passed.
fn worked() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Runs that many steps of one process through a queue; gives back what it cost.
async fn many_at_once(count: usize, queue: QueueSpec) -> Duration {
    let crowd = |ctx: Ctx, count: usize| async move {
        let step = |_| ctx.step("one", |_| async { Ran::Ok(1) }).queue("door").into_future();
        let done = greenroom_runtime::join_all((0..count).map(step)).await;
        Ok::<_, Failure>(done.into_iter().filter(Result::is_ok).count())
    };
    let world = World::new(Registry::new().kind("crowd", crowd).queue(queue));
    let before = worked();
    let id = world.start("crowd/1", &count.to_string()).await;
    let Some(exit) = world.node.result(&id, Some(Duration::from_secs(120))).await.expect("read")
    else {
        panic!("{count} steps are not done: {:?}", view(&world, "door"));
    };
    assert!(matches!(exit, Exit::Normal(done) if done.to_string() == count.to_string()));
    worked().saturating_sub(before)
}

/// It also is what finds a turn that nobody commits: here nothing else goes on that
/// would take it along. One was left behind when the system put aside the worker that
/// led the commits, in half of the runs on a machine busy with other things.
#[tokio::test(flavor = "multi_thread")]
async fn the_steps_of_one_process_cost_in_proportion_to_their_number() {
    for limit in [1, 100_000] {
        let queue = || QueueSpec::new("door").concurrency(limit);
        let few = many_at_once(1_000, queue()).await;
        let many = many_at_once(8_000, queue()).await;
        // Eight times as much, were there nothing else; 64 if each looked at all.
        assert!(many < few * 24, "limit {limit}: 1,000 cost {few:?}, 8,000 {many:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_wait_for_a_queue_that_another_binary_declares() {
    let place = Place::shut();
    let registry = visitor(&place);
    let door = || QueueSpec::new("door").concurrency(1);
    let world = World::new(registry.clone().queue(door()));
    visits(&world, "a-0", 0).await;
    place.until_began(1).await;
    let waits = visits(&world, "a-1", 0).await;
    until_waiting(&world, "door", 1).await;
    // A node that stops begins no other.
    let opens = async {
        pause(50).await;
        place.open();
    };
    tokio::join!(world.node.stop(Duration::from_secs(2)), opens);

    // It must not matter whether there are other queues.
    for wrong in [registry.clone(), registry.clone().queue(QueueSpec::new("other"))] {
        let world = World::on(world.store.clone(), wrong);
        for _ in 0..2_000 {
            if world.node.queues().iter().any(|queue| queue.missing) {
                break;
            }
            pause(2).await;
        }
        let door = view(&world, "door");
        assert!((door.missing, door.waiting, door.running) == (true, 1, 0), "{door:?}");
        assert!(door.oldest_wait_ms.is_some());
        let row = world.node.process(&waits).await.expect("read");
        assert_eq!(row.status, Status::Running);
        let queued = world.node.queued(&HashSet::from([row.no]));
        assert_eq!(queued.get(&row.no).map(|queue| &**queue), Some("door"));
        // Who only now asks for it hears of the mistake.
        let asks = visits(&world, &format!("new-{}", world.node.queues().len()), 0).await;
        assert!(world.failure(&asks).await.contains("unknown_queue"), "{asks}");
        let error = world.node.reopen_queue("door").expect_err("there is none");
        assert!(error.to_string().starts_with("the node has no queue `door`; it has: "));
        world.node.stop(Duration::from_secs(2)).await;
    }
    let world = World::on(world.store.clone(), registry.queue(door()));
    assert_eq!(world.result(&waits).await, "1");
    assert!(world.node.queues().iter().all(|queue| !queue.missing));
    assert_eq!(place.began(), ["a-0", "a-1"]);
}
