//! Schedules: started at their times, once, across restarts of the node.

use crate::world::{Ran, World, pause};
use greenroom_runtime::journal::Listing;
use greenroom_runtime::model::schedule::{Overlap, ScheduleSpec};
use greenroom_runtime::model::{Event, Payload, ProcessId, Status};
use greenroom_runtime::{Ctx, Registry, StartRequest};
use std::time::Duration;

fn registry() -> Registry {
    Registry::new()
        .kind("job", |_: Ctx, input: u64| async move { Ran::Ok(input) })
        .kind("gate", |ctx: Ctx, _: Option<u64>| async move {
            ctx.recv().await?;
            Ran::Ok(1)
        })
        .kind("lead", |ctx: Ctx, ms: u64| async move {
            let spec = ScheduleSpec::new("job").every(Duration::from_millis(ms));
            let child = ctx.spawn("schedule", &spec).key("of-lead").await?;
            child.join::<()>().await.map(|()| 0)
        })
}

fn every(kind: &str, ms: u64) -> ScheduleSpec {
    let spec = ScheduleSpec::new(kind).every(Duration::from_millis(ms));
    ScheduleSpec { input: Some(Payload::parse("7").expect("json")), ..spec }
}

async fn runs(world: &World, kind: &str) -> Vec<ProcessId> {
    let listing = Listing { kind: Some(kind.to_owned()), limit: 1_000, ..Listing::default() };
    let rows = world.node.list(listing).await.expect("reads");
    rows.into_iter().map(|row| row.id).collect()
}

async fn until_runs(world: &World, kind: &str, wanted: usize) -> Vec<ProcessId> {
    for _ in 0..2_000 {
        let runs = runs(world, kind).await;
        if runs.len() >= wanted {
            return runs;
        }
        pause(5).await;
    }
    panic!("{:?}, not {wanted}", runs(world, kind).await);
}

async fn schedule(world: &World, name: &str, spec: ScheduleSpec) {
    assert!(world.node.schedule(name, spec, false, "test").await.expect("scheduled").created);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interval_goes_on_after_a_restart_of_the_node() {
    let world = World::new(registry());
    schedule(&world, "often", every("job", 100)).await;
    until_runs(&world, "job", 3).await;
    let world = world.deploy(registry()).await;
    let before = runs(&world, "job").await.len();
    let found = until_runs(&world, "job", before + 2).await;
    for id in &found {
        assert!(id.as_str().starts_with("job/often@20"), "{id}");
        assert_eq!(world.result(id).await, "7");
    }
    let again = world.node.schedule("often", every("job", 1_000), false, "test").await;
    assert!(!again.expect("it is there").created);
    let seen = world.node.scheduled("often", 3).await.expect("there");
    assert_eq!(seen.upcoming.len(), 3);
    assert_eq!(seen.upcoming[1].since(seen.upcoming[0]), Duration::from_millis(100));
    let id: ProcessId = "schedule/often".parse().expect("an id");
    let row = world.node.process(&id).await.expect("row");
    assert!(row.seq.0 - row.segment.0 < 20, "its segments are short: {row:?}");
    // Each start is in the commit that decides it.
    let spawned = |event: &&Event| matches!(event, Event::ProcessSpawned { .. });
    world.node.delete_schedule("often", "test").await.expect("told");
    for _ in 0..2_000 {
        if world.node.schedules().await.expect("reads").is_empty() {
            break;
        }
        pause(5).await;
    }
    let count = world.events(&id).await.iter().filter(spawned).count();
    assert_eq!(count, runs(&world, "job").await.len());
    let gone = world.node.scheduled("often", 1).await.expect_err("deleted");
    assert_eq!(gone.code(), "no_process");
    schedule(&world, "often", every("job", 100)).await;
    until_runs(&world, "job", count + 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_refused_before_anything_starts() {
    let world = World::new(registry());
    let cron = |line| ScheduleSpec::new("job").cron(line, "UTC");
    for (spec, code, words) in [
        (cron("0 0 31 2 *"), "bad_request", "never fires"),
        (cron("nonsense"), "bad_request", "the cron line"),
        (every("job", 0), "bad_request", "an interval of 0 ms"),
        (ScheduleSpec::new("job").cron("* * * * *", "Mars/Base"), "bad_request", "Mars/Base"),
        (every("jib", 1_000), "unknown_kind", "jib"),
    ] {
        let refused = world.node.schedule("s", spec.clone(), false, "t").await.expect_err("wrong");
        assert_eq!(refused.code(), code, "{refused}");
        assert!(refused.to_string().contains(words), "{refused}");
        let input = Payload::of(&spec).expect("json");
        let (kind, key, by) = ("schedule".to_owned(), Some("s".to_owned()), "t".to_owned());
        let start = StartRequest { budget: None, kind, key, input, by };
        assert_eq!(world.node.start_process(start).await.expect_err("wrong").code(), code);
    }
    assert!(runs(&world, "schedule").await.is_empty());
    let parent = world.start("lead/1", "0").await;
    let failure = world.failure(&parent).await;
    assert!(failure.contains("an interval of 0 ms"), "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_runs_is_waited_for_or_not() {
    let world = World::new(registry());
    let spec = |overlap| ScheduleSpec { overlap, ..every("gate", 100) };
    schedule(&world, "one", spec(Overlap::StartAtMostOne)).await;
    let first = until_runs(&world, "gate", 1).await.remove(0);
    let skipped = || async {
        let seen = world.node.scheduled("one", 1).await.expect("there");
        seen.schedule.is_some_and(|known| known.skipped >= 2)
    };
    while !skipped().await {
        pause(5).await;
    }
    assert_eq!(runs(&world, "gate").await.len(), 1);
    let world = world.deploy(registry()).await;
    world.send(&first, "go", "null").await;
    until_runs(&world, "gate", 2).await;
    world.node.delete_schedule("one", "test").await.expect("told");

    let queue = ScheduleSpec { overlap: Overlap::QueueOne, ..every("gate", 3_600_000) };
    schedule(&world, "two", queue).await;
    for _ in 0..3 {
        world.node.run_schedule_now("two", Payload::null(), "test").await.expect("told");
        pause(2).await;
    }
    let of_two = |ids: Vec<ProcessId>| -> Vec<ProcessId> {
        ids.into_iter().filter(|id| id.key().starts_with("two@")).collect()
    };
    let first = loop {
        if let Some(first) = of_two(runs(&world, "gate").await).first() {
            break first.clone();
        }
        pause(5).await;
    };
    assert!(first.key().ends_with("+now"), "{first}");
    let known = loop {
        let known = world.node.scheduled("two", 1).await.expect("there").schedule;
        match known.filter(|known| known.skipped == 1) {
            Some(known) => break known,
            None => pause(5).await,
        }
    };
    assert!(known.queued.is_some());
    assert_eq!(of_two(runs(&world, "gate").await).len(), 1);
    world.send(&first, "go", "null").await;
    while of_two(runs(&world, "gate").await).len() < 2 {
        pause(5).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn triggers_make_one_start() {
    let world = World::new(registry());
    let spec = ScheduleSpec::new("job").after_quiet(Duration::from_millis(300));
    schedule(&world, "quiet", spec).await;
    for n in 1..=3_u64 {
        let input = Payload::of(&n).expect("json");
        world.node.trigger_schedule("quiet", input, "test").await.expect("told");
    }
    let ids = until_runs(&world, "job", 1).await;
    assert_eq!((ids.len(), world.result(&ids[0]).await.as_str()), (1, "3"));
    schedule(&world, "timed", every("job", 3_600_000)).await;
    let id: ProcessId = "schedule/timed".parse().expect("an id");
    world.until(&id, Status::Sleeping).await;
    let wrong = world.node.trigger_schedule("timed", Payload::null(), "test").await;
    assert_eq!(wrong.expect_err("it has its times").code(), "bad_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_that_is_gone_is_noted_and_comes_back() {
    let world = World::new(registry());
    schedule(&world, "s", every("job", 100)).await;
    until_runs(&world, "job", 1).await;
    let world = world.deploy(Registry::new()).await;
    let error = loop {
        let known = world.node.scheduled("s", 1).await.expect("there").schedule;
        match known.and_then(|known| known.error) {
            Some(error) => break error,
            None => pause(5).await,
        }
    };
    assert!(error.contains("no kind `job`"), "{error}");
    let world = world.deploy(registry()).await;
    let before = runs(&world, "job").await.len();
    until_runs(&world, "job", before + 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_one_starts_nothing() {
    let world = World::new(registry());
    schedule(&world, "s", every("job", 100)).await;
    until_runs(&world, "job", 1).await;
    let id: ProcessId = "schedule/s".parse().expect("an id");
    world.node.pause(&id, "test").await.expect("told");
    world.until(&id, Status::Paused).await;
    let before = runs(&world, "job").await.len();
    // Another one shows that time goes by.
    let beside = ScheduleSpec { overlap: Overlap::Allow, ..every("gate", 100) };
    schedule(&world, "beside", beside).await;
    until_runs(&world, "gate", 3).await;
    assert_eq!(runs(&world, "job").await.len(), before);
    world.node.resume(&id, "test").await.expect("told");
    until_runs(&world, "job", before + 1).await;
}
