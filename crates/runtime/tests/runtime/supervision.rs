//! Supervision of durable processes: what a restart keeps, what it takes back,
//! and what becomes of messages.

use crate::world::{World, pause};
use greenroom_runtime::model::supervisor::{
    ChildSpec, OnIntensity, RestartFrom, RestartType, Shutdown, Strategy, SupervisorSpec,
};
use greenroom_runtime::model::{AskId, Event, Exit, Failure, Payload, ProcessId, Status};
use greenroom_runtime::{Ctx, KindOptions, Registry};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Says what its messages tell it to.
async fn worker(ctx: Ctx, _: Option<u32>) -> Result<u32, Failure> {
    let mut sum = 0;
    loop {
        let message = ctx.recv().await?;
        match message.topic.as_str() {
            "add" => {
                sum += message.read::<u32>()?;
                ctx.set("sum", &sum)?;
            }
            "get" => ctx.reply(&message, &sum)?,
            "crash" => panic!("told to crash"),
            "fail" => return Err(Failure::msg("told to fail")),
            "done" => return Ok(sum),
            other => panic!("no topic {other}"),
        }
    }
}

fn child(name: &str) -> ChildSpec {
    ChildSpec { key: Some(name.into()), ..ChildSpec::new(name, "worker", Payload::null()) }
}

fn id(name: &str) -> ProcessId {
    ProcessId::new("worker", name).expect("there")
}

fn spec(children: Vec<ChildSpec>) -> SupervisorSpec {
    SupervisorSpec { intensity: 5, children, ..SupervisorSpec::default() }
}

fn json(spec: &SupervisorSpec) -> String {
    serde_json::to_string(spec).expect("there")
}

fn world() -> World {
    World::new(Registry::new().kind("worker", worker))
}

async fn supervised(world: &World, spec: &SupervisorSpec) -> ProcessId {
    let top = world.start("supervisor/top", &json(spec)).await;
    world.until(&top, Status::Receiving).await;
    for child in &spec.children {
        world.until(&id(child.key.as_deref().expect("there")), Status::Receiving).await;
    }
    top
}

async fn sum(world: &World, name: &str) -> String {
    let entries = world.node.state(&id(name)).await.expect("there");
    entries
        .iter()
        .find(|entry| entry.key == "sum")
        .map_or_else(|| "none".to_owned(), |entry| entry.value.to_string())
}

/// Waits until a process has done this so often.
async fn until_event(world: &World, id: &ProcessId, name: &str, times: usize) {
    for _ in 0..2_000 {
        let names = world.names(id).await;
        if names.iter().filter(|one| **one == name).count() >= times {
            return;
        }
        pause(5).await;
    }
    panic!("{id} never had {times} {name}: {:#?}", world.events(id).await);
}

async fn until_sum(world: &World, name: &str, wanted: &str) {
    for _ in 0..2_000 {
        if sum(world, name).await == wanted {
            return;
        }
        pause(5).await;
    }
    panic!("{name} never had {wanted}: {:#?}", world.events(&id(name)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_restarted_from_its_state_has_lost_nothing() {
    let world = world();
    supervised(&world, &spec(vec![child("a")])).await;
    world.send(&id("a"), "add", "2").await;
    world.send(&id("a"), "fail", "null").await;
    world.send(&id("a"), "add", "3").await;
    // The message it fails on is handled again, and given up at the third time.
    until_sum(&world, "a", "5").await;
    let dead = world.node.dead(10).await.expect("there");
    assert_eq!(dead.len(), 1, "{dead:?}");
    assert_eq!(dead[0].crashes.len(), 3);
    assert!(dead[0].reason.contains("told to fail"), "{}", dead[0].reason);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_message_gets_the_keys_of_one_that_was_given_up() {
    let keys = Arc::new(Mutex::new(Vec::new()));
    let seen = keys.clone();
    let noting = move |ctx: Ctx, _: Option<u32>| {
        let seen = seen.clone();
        async move {
            loop {
                let (message, seen) = (ctx.recv().await?, seen.clone());
                let topic = message.topic.to_string();
                let noted = topic.clone();
                ctx.step("note", move |step| {
                    let note = format!("{noted} {}", step.key());
                    seen.lock().expect("lock").push(note);
                    async { Ok::<_, Failure>(()) }
                })
                .await?;
                match topic.as_str() {
                    "fail" => return Err(Failure::msg("told to fail")),
                    _ => ctx.set("sum", &1)?,
                }
            }
            #[expect(unreachable_code, reason = "the type of its result")]
            Ok::<(), Failure>(())
        }
    };
    let world = World::new(Registry::new().kind("worker", noting.clone()));
    supervised(&world, &spec(vec![child("a")])).await;
    world.send(&id("a"), "fail", "null").await;
    world.send(&id("a"), "add", "1").await;
    until_sum(&world, "a", "1").await;
    // And replay finds the same numbers again.
    let world = world.deploy(Registry::new().kind("worker", noting)).await;
    world.send(&id("a"), "add", "1").await;
    until_event(&world, &id("a"), "StepCompleted", 3).await;
    assert_ne!(world.node.process(&id("a")).await.expect("found").status, Status::Parked);
    let notes = keys.lock().expect("lock").clone();
    let key = |note: &String| note.split(' ').nth(1).map(str::to_owned);
    let distinct: std::collections::BTreeSet<_> = notes.iter().map(key).collect();
    assert_eq!((notes.len(), distinct.len()), (3, 3), "{notes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_given_up_is_answered() {
    let asker = |ctx: Ctx, ()| async move {
        let called: Result<(), Failure> = ctx.call(&id("a"), "crash", &()).await;
        Ok::<_, Failure>(called.expect_err("refused").kind)
    };
    let world = World::new(Registry::new().kind("worker", worker).kind("asker", asker));
    supervised(&world, &spec(vec![child("a")])).await;
    let asker = world.start("asker/1", "null").await;
    assert_eq!(world.result(&asker).await, "\"poison\"");
    world.until(&id("a"), Status::Receiving).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ordered_kind_stops_at_the_message() {
    let options = KindOptions { crashes_max: 2, ordered: true, ..KindOptions::default() };
    let registry = Registry::new().kind("worker", worker).with_options("worker", options);
    let world = World::new(registry);
    let transient = ChildSpec { restart: RestartType::Transient, ..child("a") };
    supervised(&world, &spec(vec![transient])).await;
    world.send(&id("a"), "crash", "null").await;
    world.send(&id("a"), "add", "1").await;
    world.until(&id("a"), Status::Parked).await;
    assert!(world.node.dead(10).await.expect("there").is_empty());
    let again = |ctx: Ctx, _: Option<u32>| async move {
        let topics = [ctx.recv().await?.topic, ctx.recv().await?.topic];
        Ok::<_, Failure>(topics)
    };
    let world = world.deploy(Registry::new().kind("worker", again)).await;
    world.node.resume(&id("a"), "ann").await.expect("there");
    assert_eq!(world.result(&id("a")).await, r#"["crash","add"]"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_for_all_takes_the_siblings_along_and_keeps_their_mail() {
    let world = world();
    let segment = |name| ChildSpec { restart_from: RestartFrom::Segment, ..child(name) };
    let all = SupervisorSpec {
        strategy: Strategy::OneForAll,
        ..spec(vec![segment("a"), child("b"), segment("c")])
    };
    let top = supervised(&world, &all).await;
    for name in ["a", "b", "c"] {
        world.send(&id(name), "add", "7").await;
        until_sum(&world, name, "7").await;
    }
    world.send(&id("c"), "crash", "null").await;
    // It crashes three times, and takes the others along each time.
    until_event(&world, &top, "ChildRestarted", 9).await;
    let mut letters = Vec::new();
    while letters.is_empty() {
        pause(5).await;
        letters = world.node.dead(10).await.expect("read");
    }
    assert_eq!(letters[0].crashes.len(), 3);
    for name in ["a", "b", "c"] {
        world.send(&id(name), "add", "1").await;
    }
    until_sum(&world, "a", "1").await;
    until_sum(&world, "b", "8").await;
    until_sum(&world, "c", "1").await;
    let stops = world.names(&id("b")).await;
    assert!(stops.contains(&"CancelRequested") && stops.contains(&"Restarted"), "{stops:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_restarts_end_the_tree_and_the_supervisor_above_starts_it_again() {
    let world = world();
    let inner = SupervisorSpec { intensity: 1, ..spec(vec![child("a"), child("b")]) };
    let input = Payload::of(&inner).expect("there");
    let below =
        ChildSpec { key: Some("below".into()), ..ChildSpec::new("below", "supervisor", input) };
    let top = world.start("supervisor/top", &json(&spec(vec![below]))).await;
    world.until(&id("a"), Status::Receiving).await;
    world.send(&id("b"), "add", "4").await;
    until_sum(&world, "b", "4").await;
    world.send(&id("a"), "fail", "null").await;
    // Twice within five seconds is once too often for the inner one.
    until_event(&world, &top, "ChildRestarted", 1).await;
    world.until(&id("b"), Status::Receiving).await;
    world.send(&id("b"), "add", "1").await;
    until_sum(&world, "b", "5").await;
    let below = "supervisor/below".parse().expect("there");
    world.until(&below, Status::Receiving).await;
    let names = world.names(&below).await;
    assert_eq!(names.iter().filter(|name| **name == "WorkflowStarted").count(), 2, "{names:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_supervisor_stops_its_children_in_reverse_order_and_for_good() {
    let world = world();
    let top = supervised(&world, &spec(vec![child("a"), child("b")])).await;
    world.node.cancel(&top, "enough", "ann").await.expect("there");
    assert_eq!(world.failure(&top).await, "cancelled: enough");
    for name in ["a", "b"] {
        assert_eq!(world.failure(&id(name)).await, "shutdown: shutdown");
    }
    let told = world.events(&top).await;
    let order: Vec<&str> = told
        .iter()
        .filter_map(|event| match event {
            Event::ExitReceived { id, .. } => Some(id.key()),
            _ => None,
        })
        .collect();
    assert_eq!(order, ["b", "a"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_that_does_not_stop_in_time_is_killed() {
    let deaf = |ctx: Ctx, ()| async move {
        loop {
            let _ = ctx.sleep(Duration::from_secs(3_600)).await;
        }
        #[expect(unreachable_code, reason = "the type of its result")]
        Ok::<(), Failure>(())
    };
    let world = World::new(Registry::new().kind("deaf", deaf));
    let child = ChildSpec {
        shutdown: Some(Shutdown::TimeoutMs(50)),
        key: Some("d".into()),
        ..ChildSpec::new("d", "deaf", Payload::null())
    };
    let top = world.start("supervisor/top", &json(&spec(vec![child]))).await;
    let deaf = "deaf/d".parse().expect("there");
    world.until(&deaf, Status::Sleeping).await;
    world.node.cancel(&top, "enough", "ann").await.expect("there");
    assert_eq!(world.failure(&deaf).await, "killed: did not stop in time");
    assert_eq!(world.failure(&top).await, "cancelled: enough");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_kills_a_supervisor_ends_its_children() {
    let world = world();
    let top = supervised(&world, &spec(vec![child("a"), child("b")])).await;
    world.node.kill(&top, "enough", "ann").await.expect("there");
    for name in ["a", "b"] {
        let exit = world.exit(&id(name)).await;
        assert!(matches!(exit, Exit::Shutdown(_)), "{exit}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn transient_and_temporary_children_end_for_good() {
    let world = world();
    let transient = ChildSpec { restart: RestartType::Transient, ..child("t") };
    let temporary = ChildSpec { restart: RestartType::Temporary, ..child("u") };
    supervised(&world, &spec(vec![transient, temporary])).await;
    world.send(&id("t"), "done", "null").await;
    assert_eq!(world.result(&id("t")).await, "0");
    world.send(&id("u"), "fail", "null").await;
    assert_eq!(world.failure(&id("u")).await, "error: told to fail");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_decides_about_a_child_that_failed_too_often() {
    let world = world();
    let asks = SupervisorSpec {
        intensity: 1,
        on_intensity: OnIntensity::Ask,
        ..spec(vec![child("a"), child("b")])
    };
    let top = supervised(&world, &asks).await;
    world.send(&id("a"), "fail", "null").await;
    world.until(&id("a"), Status::Down).await;
    world.until(&top, Status::Asking).await;
    world.send(&id("a"), "add", "9").await;
    let ask = world.node.asks(None).await.expect("there").remove(0);
    let ask = AskId { process: ask.process, op: ask.op };
    let answer = Payload::of("restart").expect("there");
    world.node.answer(&ask, answer, "ann").await.expect("there");
    until_sum(&world, "a", "9").await;
    assert_eq!(world.node.dead(9).await.expect("there").len(), 1, "the third time it is given up");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_about_a_child_that_is_stopped_meanwhile_is_closed() {
    let boss = |ctx: Ctx, ()| async move {
        let top: ProcessId = "supervisor/top".parse().expect("there");
        ctx.call::<bool>(&top, "supervisor.terminate_child", "a").await
    };
    let world = World::new(Registry::new().kind("worker", worker).kind("boss", boss));
    let asks = SupervisorSpec {
        intensity: 1,
        on_intensity: OnIntensity::Ask,
        ..spec(vec![child("a"), child("b")])
    };
    let top = supervised(&world, &asks).await;
    world.send(&id("a"), "fail", "null").await;
    world.until(&top, Status::Asking).await;
    let boss = world.start("boss/1", "null").await;
    assert_eq!(world.result(&boss).await, "true");
    assert_eq!(world.failure(&id("a")).await, "error: told to fail");
    world.until(&top, Status::Receiving).await;
    assert!(world.node.asks(None).await.expect("reads").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn children_come_and_go_by_request() {
    let boss = |ctx: Ctx, ()| async move {
        let top: ProcessId = "supervisor/top".parse().expect("there");
        let asked = serde_json::json!({ "name": "x", "key": "x" });
        let x: ProcessId = ctx.call(&top, "supervisor.start_child", &asked).await?;
        let twice: Result<ProcessId, Failure> =
            ctx.call(&top, "supervisor.start_child", &asked).await;
        ctx.send(&x, "add", &5).await?;
        let sum: u32 = ctx.call(&x, "get", &()).await?;
        let _: bool = ctx.call(&top, "supervisor.terminate_child", "x").await?;
        let gone = ctx.monitor(&x).await?;
        let counts: serde_json::Value = ctx.call(&top, "supervisor.count_children", &()).await?;
        Ok::<_, Failure>((twice.expect_err("refused").kind, sum, gone.to_string(), counts))
    };
    let world = World::new(Registry::new().kind("worker", worker).kind("boss", boss));
    let template = ChildSpec { key: None, ..child("template") };
    let dynamic = SupervisorSpec { strategy: Strategy::Dynamic, ..spec(vec![template]) };
    let top = world.start("supervisor/top", &json(&dynamic)).await;
    world.until(&top, Status::Receiving).await;
    let boss = world.start("boss/1", "null").await;
    let said = world.result(&boss).await;
    assert_eq!(said, r#"["already_started",5,"shutdown: shutdown",{"active":0,"specs":1}]"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_supervisor_lives_through_a_restart_of_the_node() {
    let world = world();
    supervised(&world, &spec(vec![child("a")])).await;
    world.send(&id("a"), "add", "2").await;
    until_sum(&world, "a", "2").await;
    let world = world.deploy(Registry::new().kind("worker", worker)).await;
    world.send(&id("a"), "fail", "null").await;
    world.send(&id("a"), "add", "3").await;
    until_sum(&world, "a", "5").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_work_is_refused_before_anything_starts() {
    let world = world();
    let bad = world.start("supervisor/top", r#"{"intensity":0,"children":[]}"#).await;
    let said = world.failure(&bad).await;
    assert!(said.contains("bad_spec") && said.contains("intensity 0"), "{said}");
    let bad = world.start("supervisor/two", r#"{"strategy":"some","children":[]}"#).await;
    let said = world.failure(&bad).await;
    assert!(said.contains("one_for_all"), "{said}");
    let first = r#"{"name":"a","kind":"worker","key":"first"}"#;
    for (place, wrong) in [
        r#"{"name":"x","kind":"nobody"}"#,
        r#"{"name":"x","kind":"worker","fallback":{"kind":"nobody","after_restarts":1}}"#,
    ]
    .into_iter()
    .enumerate()
    {
        let nobody = format!(r#"{{"children":[{first},{wrong}]}}"#);
        let bad = world.start(&format!("supervisor/three{place}"), &nobody).await;
        let said = world.failure(&bad).await;
        assert!(said.contains("child `x`: no kind `nobody` is registered"), "{said}");
    }
    assert!(world.node.process(&id("first")).await.is_err(), "nothing was started");
}

/// A child that is killed twice is dead once: its supervisor starts it again.
#[tokio::test(flavor = "multi_thread")]
async fn a_kill_of_one_that_is_down_changes_nothing() {
    let world = world();
    let top = supervised(&world, &spec(vec![child("a")])).await;
    world.node.pause(&top, "test").await.expect("told");
    world.until(&top, Status::Paused).await;
    world.node.kill(&id("a"), "enough", "test").await.expect("told");
    world.until(&id("a"), Status::Down).await;
    world.node.kill(&id("a"), "enough", "test").await.expect("told");
    pause(50).await;
    assert_eq!(world.node.process(&id("a")).await.expect("row").status, Status::Down);
    world.node.resume(&top, "test").await.expect("told");
    world.until(&id("a"), Status::Receiving).await;
}
