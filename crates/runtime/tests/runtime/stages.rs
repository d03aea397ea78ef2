//! Demand-driven stages: no event is lost or repeated, and never more are under
//! way than were asked for.

use crate::world::{World, pause};
use greenroom_runtime::journal::Memory;
use greenroom_runtime::model::stage::{Demand, Dispatch, Dispatcher};
use greenroom_runtime::model::{Failure, ProcessId, Status};
use greenroom_runtime::{Consuming, Ctx, Node, NodeOptions, Registry};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

type Sums = Result<Vec<u64>, Failure>;

/// How many events were emitted and not handled yet, and the most there were.
#[derive(Clone, Default)]
struct Gauge {
    now: Arc<AtomicI64>,
    most: Arc<AtomicI64>,
    handled: Arc<Mutex<BTreeMap<String, Vec<u64>>>>,
}

impl Gauge {
    fn emitted(&self) {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
    }

    fn handled(&self, by: &str, event: u64) {
        self.now.fetch_sub(1, Ordering::SeqCst);
        let mut handled = self.handled.lock().expect("a map");
        handled.entry(by.to_owned()).or_default().push(event);
    }

    fn of(&self, key: &str) -> Vec<u64> {
        self.handled.lock().expect("a map").get(key).cloned().unwrap_or_default()
    }

    fn most(&self) -> i64 {
        self.most.load(Ordering::SeqCst)
    }
}

/// How many events, and how they are dispatched.
#[derive(Clone, Serialize, Deserialize)]
struct Source {
    count: u64,
    #[serde(default)]
    dispatcher: Dispatcher,
    /// It begins when so many have subscribed.
    #[serde(default)]
    after: usize,
    /// How many go in one call.
    #[serde(default)]
    batch: usize,
    /// It fails at the end.
    #[serde(default)]
    fails: bool,
}

async fn source(ctx: Ctx, input: Source, gauge: Gauge) -> Result<u64, Failure> {
    let mut stage = ctx.produce(input.dispatcher)?;
    stage.until_consumers(input.after).await?;
    let events: Vec<u64> = (1..=input.count).collect();
    for some in events.chunks(input.batch.max(1)) {
        stage.emit_all(some).await?;
        some.iter().for_each(|_| gauge.emitted());
    }
    match input.fails {
        true => Err(Failure::msg("no more")),
        false => Ok(input.count),
    }
}

/// From whom, how many at most, how long each takes.
#[derive(Clone, Serialize, Deserialize)]
struct Sink {
    of: ProcessId,
    max: u64,
    #[serde(default)]
    ms: u64,
    /// It leaves after so many.
    #[serde(default)]
    leaves: Option<u64>,
}

async fn handle(ctx: &Ctx, event: u64, ms: u64, gauge: &Gauge) -> Result<u64, Failure> {
    let (gauge, key) = (gauge.clone(), ctx.id().key().to_owned());
    let step = ctx.step("handle", move |_| {
        let (gauge, key) = (gauge.clone(), key.clone());
        async move {
            pause(ms).await;
            gauge.handled(&key, event);
            Ok::<_, Failure>(event)
        }
    });
    step.await
}

async fn sink(ctx: Ctx, input: Sink, gauge: Gauge) -> Sums {
    let mut consumer = ctx.consume(&input.of, Demand::new(input.max)).await?;
    let mut seen = Vec::new();
    while let Some(event) = consumer.next::<u64>().await? {
        seen.push(handle(&ctx, event, input.ms, &gauge).await?);
        if input.leaves == Some(seen.len() as u64) {
            consumer.leave().await?;
            break;
        }
    }
    Ok(seen)
}

/// A stage in the middle: takes one for each it is asked for.
async fn double(ctx: Ctx, input: Sink) -> Result<u64, Failure> {
    let mut stage = ctx.produce(Dispatcher::Demand)?;
    let mut consumer = ctx.consume(&input.of, Demand::new(input.max)).await?;
    let mut count = 0;
    loop {
        stage.demand().await?;
        let Some(event) = consumer.next::<u64>().await? else { return Ok(count) };
        stage.emit(&(event * 2)).await?;
        count += 1;
    }
}

fn registry(gauge: &Gauge) -> Registry {
    let (emits, handles) = (gauge.clone(), gauge.clone());
    Registry::new()
        .kind("source", move |ctx, input| source(ctx, input, emits.clone()))
        .kind("double", double)
        .kind("sink", move |ctx, input| sink(ctx, input, handles.clone()))
}

async fn begins(world: &World, id: &str, input: &impl Serialize) -> ProcessId {
    world.start(id, &serde_json::to_string(input).expect("json")).await
}

fn from(of: &ProcessId, max: u64, ms: u64) -> Sink {
    Sink { of: of.clone(), max, ms, leaves: None }
}

fn plain(count: u64) -> Source {
    Source { count, dispatcher: Dispatcher::Demand, after: 0, batch: 1, fails: false }
}

async fn seen(world: &World, id: &ProcessId) -> Vec<u64> {
    serde_json::from_str(&world.result(id).await).expect("a list")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fast_producer_is_never_ahead_of_what_was_asked_for() {
    for batch in [1, 7, 100] {
        let gauge = Gauge::default();
        let world = World::new(registry(&gauge));
        let source = begins(&world, "source/s", &Source { batch, ..plain(60) }).await;
        let sink = begins(&world, "sink/a", &from(&source, 5, 2)).await;
        assert_eq!(seen(&world, &sink).await, (1..=60).collect::<Vec<_>>());
        // A batch is counted when the whole of it has gone.
        let most = if batch == 1 { 5 } else { 5 + batch as i64 };
        assert!(gauge.most() <= most, "{} under way", gauge.most());
    }
}

/// Asking again and again is no loop of messages.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_stream_is_not_cut_off() {
    let options = NodeOptions { hops_max: 10, ..NodeOptions::default() };
    let store = Arc::new(Memory::new());
    let node = Node::start(store.clone(), registry(&Gauge::default()), options).expect("starts");
    let world = World { node, store };
    let source = begins(&world, "source/s", &plain(60)).await;
    let middle = begins(&world, "double/m", &from(&source, 1, 0)).await;
    let sink = begins(&world, "sink/a", &from(&middle, 1, 0)).await;
    assert_eq!(seen(&world, &sink).await, (1..=60).map(|n| n * 2).collect::<Vec<u64>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_faster_gets_more_and_each_event_goes_to_one() {
    let gauge = Gauge::default();
    let world = World::new(registry(&gauge));
    let source = begins(&world, "source/s", &plain(80)).await;
    let fast = begins(&world, "sink/fast", &from(&source, 4, 1)).await;
    let slow = begins(&world, "sink/slow", &from(&source, 4, 30)).await;
    let (mut all, few) = (seen(&world, &fast).await, seen(&world, &slow).await);
    assert!(all.len() > few.len() && !few.is_empty(), "{} and {}", all.len(), few.len());
    assert!(all.is_sorted() && few.is_sorted(), "each in the producer's order");
    all.extend(few);
    all.sort_unstable();
    assert_eq!(all, (1..=80).collect::<Vec<_>>());
    assert!(gauge.most() <= 8, "{} under way", gauge.most());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broadcast_reaches_all_and_goes_on_when_one_leaves() {
    let gauge = Gauge::default();
    let world = World::new(registry(&gauge));
    let source = Source { dispatcher: Dispatcher::Broadcast, after: 2, ..plain(20) };
    let source = begins(&world, "source/s", &source).await;
    let whole = begins(&world, "sink/whole", &from(&source, 6, 1)).await;
    let part = Sink { leaves: Some(3), ..from(&source, 2, 1) };
    let part = begins(&world, "sink/part", &part).await;
    assert_eq!(seen(&world, &part).await, [1, 2, 3]);
    assert_eq!(seen(&world, &whole).await, (1..=20).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_holds_no_more_than_its_demands_and_lives_through_a_restart() {
    for restarts in [false, true] {
        let gauge = Gauge::default();
        let mut world = World::new(registry(&gauge));
        let source = begins(&world, "source/s", &plain(60)).await;
        let middle = begins(&world, "double/d", &from(&source, 6, 0)).await;
        let sink = begins(&world, "sink/a", &from(&middle, 4, 3)).await;
        if restarts {
            while gauge.of("a").len() < 15 {
                pause(2).await;
            }
            world = world.deploy(registry(&gauge)).await;
        }
        assert_eq!(seen(&world, &sink).await, (1..=60).map(|n| n * 2).collect::<Vec<_>>());
        assert_eq!(world.result(&middle).await, "60");
        // Replay emits again, as far as code can count.
        assert!(restarts || gauge.most() <= 6 + 4, "{} under way", gauge.most());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_producer_that_fails_is_heard_of_after_its_events() {
    let gauge = Gauge::default();
    let registry = registry(&gauge).kind("brave", |ctx: Ctx, of: ProcessId| async move {
        let mut consumer = ctx.consume(&of, Demand::new(10)).await?;
        let mut seen = Vec::new();
        loop {
            match consumer.next::<u64>().await {
                Ok(Some(event)) => seen.push(event.to_string()),
                Ok(None) => seen.push("end".to_owned()),
                Err(failure) => seen.push(failure.to_string()),
            }
            if seen.last().is_some_and(|last| last.parse::<u64>().is_err()) {
                return Ok::<_, Failure>(seen);
            }
            ctx.sleep(Duration::from_millis(5)).await?;
        }
    });
    let world = World::new(registry);
    let source = begins(&world, "source/s", &Source { fails: true, batch: 4, ..plain(4) }).await;
    let brave = begins(&world, "brave/1", &source).await;
    let wanted =
        r#"["1","2","3","4","producer_ended: the producer source/s has ended: error: no more"]"#;
    assert_eq!(world.result(&brave).await, wanted);
    // One that never was.
    let nobody: ProcessId = "source/nobody".parse().expect("an id");
    let brave = begins(&world, "brave/2", &nobody).await;
    assert!(world.result(&brave).await.contains("no such process"));
    let sink = begins(&world, "sink/x", &from(&source, 0, 0)).await;
    let words = world.failure(&sink).await;
    assert!(words.contains("bad_demand: a demand of at most 0"), "{words}");
}

#[derive(Clone, Serialize, Deserialize)]
struct Counting {
    next: u64,
    stage: Dispatch,
}

#[derive(Clone, Serialize, Deserialize)]
struct Adding {
    sum: u64,
    of: Option<ProcessId>,
    stage: Option<Consuming>,
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_go_on_in_a_new_segment() {
    let registry = Registry::new()
        .kind("counter", |ctx: Ctx, counting: Counting| async move {
            let mut stage = ctx.produce_on(counting.stage)?;
            let mut next = counting.next;
            while next <= 100 {
                stage.emit(&next).await?;
                next += 1;
                if next.is_multiple_of(10) {
                    let stage = stage.state().clone();
                    return ctx.continue_as_new(&Counting { next, stage });
                }
            }
            Ok::<_, Failure>(())
        })
        .kind("adder", |ctx: Ctx, adding: Adding| async move {
            let mut sum = adding.sum;
            let mut consumer = match (adding.stage, adding.of) {
                (Some(stage), _) => ctx.consume_on(stage)?,
                (None, Some(of)) => ctx.consume(&of, Demand::new(7).min(2)).await?,
                (None, None) => return Err(Failure::msg("of whom?")),
            };
            let mut count = 0;
            while let Some(event) = consumer.next::<u64>().await? {
                (sum, count) = (sum + event, count + 1);
                if count == 13 {
                    let stage = Some(consumer.state().clone());
                    return ctx.continue_as_new(&Adding { sum, of: None, stage });
                }
            }
            Ok::<_, Failure>(sum)
        });
    let world = World::new(registry);
    let stage = Dispatch::new(Dispatcher::Demand);
    let counter = begins(&world, "counter/1", &Counting { next: 1, stage }).await;
    let of = Some(counter.clone());
    let adder = begins(&world, "adder/1", &Adding { sum: 0, of, stage: None }).await;
    assert_eq!(world.result(&adder).await, "5050");
    let continued =
        |names: &[&str]| names.iter().filter(|name| **name == "WorkflowContinued").count();
    assert!(continued(&world.names(&adder).await) >= 7);
    assert!(continued(&world.names(&counter).await) >= 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_ends_is_sent_nothing_more() {
    let gauge = Gauge::default();
    let world = World::new(registry(&gauge));
    let source = begins(&world, "source/s", &plain(30)).await;
    let gone = begins(&world, "sink/gone", &from(&source, 3, 60_000)).await;
    world.until(&gone, Status::Running).await;
    while world.node.health().steps == 0 {
        pause(2).await;
    }
    world.node.kill(&gone, "no", "test").await.expect("asked");
    world.failure(&gone).await;
    let other = begins(&world, "sink/other", &from(&source, 3, 0)).await;
    let seen = seen(&world, &other).await;
    // What was on its way to the one that was killed is among the dead letters.
    assert_eq!(seen, (4..=30).collect::<Vec<_>>());
}

/// A producer that its supervisor has begin anew in the middle knows of nobody.
#[tokio::test]
async fn a_producer_that_begins_anew_finds_its_consumers_again() {
    use greenroom_runtime::model::supervisor::SupervisorSpec;
    use greenroom_runtime::model::supervisor::{ChildSpec, RestartFrom, RestartType};
    for (max, batch) in [(1, 1), (10, 1), (10, 30), (100, 7)] {
        let (gauge, failed) = (Gauge::default(), Arc::new(AtomicI64::new(0)));
        let flaky = move |ctx: Ctx, input: Source| {
            let failed = failed.clone();
            async move {
                let mut stage = ctx.produce(input.dispatcher)?;
                let events: Vec<u64> = (1..=input.count).collect();
                for some in events.chunks(input.batch) {
                    stage.emit_all(some).await?;
                    if some.contains(&30) && failed.fetch_add(1, Ordering::SeqCst) == 0 {
                        return Err(Failure::msg("once"));
                    }
                }
                Ok(input.count)
            }
        };
        let world = World::new(registry(&gauge).kind("flaky", flaky));
        let input = greenroom_runtime::model::Payload::of(&Source { batch, ..plain(60) });
        let child = ChildSpec {
            key: Some("a".into()),
            restart: RestartType::Transient,
            restart_from: RestartFrom::Fresh,
            ..ChildSpec::new("flaky", "flaky", input.expect("JSON"))
        };
        let spec = SupervisorSpec { children: vec![child], ..SupervisorSpec::default() };
        let of: ProcessId = "flaky/a".parse().expect("an id");
        begins(&world, "supervisor/top", &spec).await;
        world.until(&of, Status::Receiving).await;
        let sink = begins(&world, "sink/a", &from(&of, max, 0)).await;
        let got = seen(&world, &sink).await;
        let again = got.iter().rposition(|event| *event == 1).expect("it began twice");
        assert!(got[..again].is_sorted() && again >= 30, "{got:?}");
        assert_eq!(got[again..], (1..=60).collect::<Vec<u64>>(), "{max} {batch}");
    }
}
