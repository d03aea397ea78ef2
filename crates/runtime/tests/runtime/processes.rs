//! What processes may rely on, through the node's public face.

use crate::world::{World, pause};
use greenroom_runtime::model::{AskId, Exit, Failure, Retry, Seq, Status};
use greenroom_runtime::{
    Child, Ctx, Either, Registry, RestartFrom, join_all, select, select_all, try_join_all,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

type Ran = Result<u64, Failure>;

fn counter() -> (Arc<AtomicU32>, Arc<AtomicU32>) {
    let counter = Arc::new(AtomicU32::new(0));
    (counter.clone(), counter)
}

async fn adder(ctx: Ctx, upto: u64) -> Ran {
    let mut sum = 0;
    for n in 1..=upto {
        sum += ctx.step("add", move |_| async move { Ran::Ok(n) }).await?;
    }
    ctx.sleep(Duration::from_millis(5)).await?;
    Ok(sum)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_of_steps_ends() {
    let world = World::new(Registry::new().kind("adder", adder));
    let id = world.start("adder/1", "10").await;
    assert_eq!(world.result(&id).await, "55");
    let names = world.names(&id).await;
    assert_eq!(names.len(), 1 + 20 + 2 + 1);
    assert_eq!(names[..3], ["WorkflowStarted", "StepStarted", "StepCompleted"]);
    assert_eq!(names[21..], ["TimerStarted", "TimerFired", "WorkflowCompleted"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_is_retried_until_it_works_and_no_longer() {
    let (counts, calls) = counter();
    let registry = Registry::new().kind("flaky", move |ctx: Ctx, fails: u32| {
        let calls = calls.clone();
        async move {
            let retry = Retry { first_delay: Duration::from_millis(1), ..Retry::attempts(4) };
            ctx.step("call", move |step| {
                calls.fetch_add(1, Ordering::Relaxed);
                let failed = step.attempt() <= fails;
                async move { if failed { Err(Failure::msg("busy")) } else { Ok(step.attempt()) } }
            })
            .retry(retry)
            .await
        }
    });
    let world = World::new(registry);
    let id = world.start("flaky/a", "2").await;
    assert_eq!(world.result(&id).await, "3");
    assert_eq!(counts.swap(0, Ordering::Relaxed), 3);
    let id = world.start("flaky/b", "9").await;
    assert_eq!(world.failure(&id).await, "error: busy");
    assert_eq!(counts.load(Ordering::Relaxed), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_attempt_times_out_and_a_silent_one_too() {
    let registry = Registry::new().kind("slow", |ctx: Ctx, beats: bool| async move {
        let step = ctx.step("wait", move |step| async move {
            for _ in 0..20 {
                pause(20).await;
                if beats {
                    step.heartbeat();
                }
            }
            Ran::Ok(1)
        });
        if beats {
            return step.heartbeat_timeout(Duration::from_millis(200)).await;
        }
        let silent = step.heartbeat_timeout(Duration::from_millis(60)).retry(Retry::never()).await;
        assert!(silent.is_err_and(|failure| failure.is("timeout")));
        ctx.step("wait", |_| async {
            pause(10_000).await;
            Ran::Ok(1)
        })
        .timeout(Duration::from_millis(30))
        .retry(Retry::never())
        .await
    });
    let world = World::new(registry);
    let id = world.start("slow/beats", "true").await;
    assert_eq!(world.result(&id).await, "1");
    let id = world.start("slow/silent", "false").await;
    assert!(world.failure(&id).await.contains("timeout: the attempt took longer than 30ms"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_an_exit_not_a_crash() {
    let registry = Registry::new().kind("bad", |ctx: Ctx, at: u32| async move {
        assert_ne!(at, 0, "before anything");
        ctx.step("boom", move |_| async move {
            assert_ne!(at, 1, "in a step");
            Ran::Ok(1)
        })
        .retry(Retry::never())
        .await?;
        let nothing: Vec<u64> = Vec::new();
        assert!(!nothing.is_empty(), "after a step");
        Ran::Ok(0)
    });
    let world = World::new(registry);
    for (at, words) in [("0", "before anything"), ("1", "in a step"), ("2", "after a step")] {
        let id = world.start(&format!("bad/{at}"), at).await;
        let failure = world.failure(&id).await;
        assert!(failure.contains("panic") && failure.contains(words), "{failure}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_for_something_foreign_is_named() {
    let registry = Registry::new().kind("foreign", |_: Ctx, _: ()| async {
        std::future::pending::<()>().await;
        Ran::Ok(1)
    });
    let world = World::new(registry);
    let id = world.start("foreign/1", "null").await;
    assert!(world.failure(&id).await.contains("no operation of `ctx`"));
}

#[tokio::test(flavor = "multi_thread")]
async fn input_that_does_not_fit_is_an_exit() {
    let world = World::new(Registry::new().kind("adder", adder));
    let id = world.start("adder/x", "\"ten\"").await;
    assert!(world.failure(&id).await.contains("the input does not fit the code"));
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_taken_by_topic_in_order() {
    let registry = Registry::new().kind("inbox", |ctx: Ctx, _: ()| async move {
        let mut seen = Vec::new();
        for topic in ["b", "b", "a"] {
            seen.push(ctx.recv().topic(topic).await?.read::<u64>()?);
        }
        let late = ctx.recv().timeout(Duration::from_millis(20)).await;
        assert!(late.is_err_and(|failure| failure.is("timeout")));
        Ok::<_, Failure>(seen)
    });
    let world = World::new(registry);
    let id = world.start("inbox/1", "null").await;
    for (topic, body) in [("a", "1"), ("b", "2"), ("b", "3")] {
        world.send(&id, topic, body).await;
    }
    assert_eq!(world.result(&id).await, "[2,3,1]");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_answered_also_by_nobody() {
    let registry = Registry::new()
        .kind("server", |ctx: Ctx, _: ()| async move {
            for _ in 0..2 {
                let request = ctx.recv().await?;
                ctx.reply(&request, &(request.read::<u64>()? * 2))?;
            }
            Ran::Ok(0)
        })
        .kind("client", |ctx: Ctx, _: ()| async move {
            let server = ctx.spawn("server", &()).await?;
            let calls = (1..=2u64).map(|n| ctx.call::<u64>(server.id(), "double", &n));
            let sum: u64 = join_all(calls).await.into_iter().sum::<Ran>()?;
            server.join::<u64>().await?;
            let dead = ctx.call::<u64>(server.id(), "double", &1).await;
            assert!(dead.is_err_and(|failure| failure.is("no_process")));
            let nobody = "server/nobody".parse()?;
            assert_eq!(ctx.monitor(&nobody).await?, Exit::NoProcess);
            Ran::Ok(sum)
        });
    let world = World::new(registry);
    let id = world.start("client/1", "null").await;
    assert_eq!(world.result(&id).await, "6");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_loser_of_a_select_is_dropped() {
    let registry = Registry::new().kind("race", |ctx: Ctx, _: ()| async move {
        let slow = ctx.step("slow", |_| async {
            pause(60_000).await;
            Ran::Ok(1)
        });
        match select(slow, ctx.sleep(Duration::from_millis(10))).await {
            Either::Left(_) => Ran::Ok(1),
            Either::Right(fired) => fired.map(|()| 2),
        }
    });
    let world = World::new(registry);
    let id = world.start("race/1", "null").await;
    assert_eq!(world.result(&id).await, "2");
    assert!(world.names(&id).await.contains(&"OperationDropped"));
}

#[tokio::test(flavor = "multi_thread")]
async fn cancel_runs_the_compensations_last_first() {
    let registry = Registry::new().kind("saga", |ctx: Ctx, _: ()| async move {
        for name in ["hotel", "flight"] {
            ctx.step(name, |_| async { Ran::Ok(1) })
                .compensate(&format!("cancel_{name}"), |_| async { Ran::Ok(0) })
                .await?;
        }
        ctx.recv().await?;
        Ran::Ok(0)
    });
    let world = World::new(registry);
    let id = world.start("saga/1", "null").await;
    world.until(&id, Status::Receiving).await;
    world.node.cancel(&id, "changed my mind", "test").await.expect("cancelled");
    assert_eq!(world.failure(&id).await, "cancelled: changed my mind");
    let steps: Vec<String> = world.events(&id).await.iter().filter_map(step_name).collect();
    assert_eq!(steps, ["hotel", "flight", "cancel_flight", "cancel_hotel"]);
}

fn step_name(event: &greenroom_runtime::model::Event) -> Option<String> {
    match event {
        greenroom_runtime::model::Event::StepStarted { name, .. } => Some(name.clone()),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn asks_wait_for_allowed_answers_over_a_restart_of_the_node() {
    let registry = || {
        Registry::new().kind("asker", |ctx: Ctx, deadline_ms: u64| async move {
            ctx.ask::<String>("approval", "Really?")
                .choices(["yes", "no"])
                .deadline(Duration::from_millis(deadline_ms))
                .default("no")
                .await
        })
    };
    let world = World::new(registry());
    let late = world.start("asker/late", "20").await;
    assert_eq!(world.result(&late).await, "\"no\"");
    let id = world.start("asker/1", "3600000").await;
    world.until(&id, Status::Asking).await;
    let world = world.deploy(registry()).await;
    let open = world.node.asks(None).await.expect("asks");
    assert_eq!(open.len(), 1);
    let ask = AskId { process: id.clone(), op: open[0].op };
    let answer = |text: &str| greenroom_runtime::model::Payload::parse(text).expect("json");
    let wrong = world.node.answer(&ask, answer("\"maybe\""), "test").await;
    assert_eq!(wrong.expect_err("refused").code(), "bad_answer");
    world.node.answer(&ask, answer("\"yes\""), "test").await.expect("answered");
    assert_eq!(world.result(&id).await, "\"yes\"");
    let again = world.node.answer(&ask, answer("\"yes\""), "test").await;
    assert_eq!(again.expect_err("closed").code(), "not_open");
}

#[tokio::test(flavor = "multi_thread")]
async fn continue_as_new_carries_state_and_bounds_replay() {
    let registry = Registry::new().kind("loop", |ctx: Ctx, n: u64| async move {
        ctx.step("work", move |_| async move { Ran::Ok(n) }).await?;
        ctx.set("at", &n)?;
        if n < 100 { ctx.continue_as_new(&(n + 1)) } else { Ran::Ok(n) }
    });
    let world = World::new(registry);
    let id = world.start("loop/1", "0").await;
    assert_eq!(world.result(&id).await, "100");
    let state = world.node.state(&id).await.expect("state");
    assert_eq!(state[0].value.text(), Some("100"));
    let row = world.node.process(&id).await.expect("row");
    assert!(row.seq.0 - row.segment.0 < 10, "{row:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_code_is_parked_with_a_diff_and_goes_on_when_it_fits() {
    let shop = |second: &'static str| {
        Registry::new().kind("shop", move |ctx: Ctx, _: ()| async move {
            ctx.step("reserve", |_| async { Ran::Ok(1) }).await?;
            ctx.step(second, |_| async { Ran::Ok(1) }).await?;
            ctx.recv().await?;
            Ran::Ok(7)
        })
    };
    let world = World::new(shop("charge"));
    let id = world.start("shop/1", "null").await;
    world.until(&id, Status::Receiving).await;
    let world = world.deploy(shop("ship")).await;
    let rehearsal = world.node.rehearse(&id).await.expect("rehearsed");
    assert!(rehearsal.divergence.is_some());
    world.send(&id, "go", "1").await;
    world.until(&id, Status::Parked).await;
    let parked = format!("{:?}", world.events(&id).await.last());
    assert!(parked.contains("-     4  StepStarted charge"), "{parked}");
    assert!(parked.contains("+     4  StepStarted ship"), "{parked}");
    let world = world.deploy(shop("charge")).await;
    world.node.resume(&id, "test").await.expect("resumed");
    assert_eq!(world.result(&id).await, "7");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_marker_keeps_old_processes_on_the_old_path() {
    let before = Registry::new().kind("v", |ctx: Ctx, _: ()| async move {
        ctx.recv().await?;
        ctx.step("old", |_| async { Ran::Ok(1) }).await
    });
    let after = Registry::new().kind("v", |ctx: Ctx, _: ()| async move {
        let version = ctx.version("new-way", 1);
        ctx.recv().await?;
        let step = if version == 0 { "old" } else { "new" };
        ctx.step(step, move |_| async move { Ran::Ok(u64::from(version)) }).await
    });
    let world = World::new(before);
    let old = world.start("v/old", "null").await;
    world.until(&old, Status::Receiving).await;
    // The first message is taken by the old code, so its journal goes on past
    // the place of the marker.
    let world = world.deploy(after).await;
    let new = world.start("v/new", "null").await;
    world.until(&new, Status::Receiving).await;
    world.send(&new, "go", "1").await;
    assert_eq!(world.result(&new).await, "1");
    assert_eq!(world.names(&new).await[1], "VersionMarked");
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

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_does_only_what_was_not_done() {
    let (counts, calls) = counter();
    let registry = Registry::new().kind("forked", move |ctx: Ctx, _: ()| {
        let calls = calls.clone();
        async move {
            ctx.step("once", move |_| {
                calls.fetch_add(1, Ordering::Relaxed);
                async { Ran::Ok(1) }
            })
            .await?;
            ctx.recv().topic("go").await?.read::<u64>()
        }
    });
    let world = World::new(registry);
    let id = world.start("forked/1", "null").await;
    world.until(&id, Status::Receiving).await;
    let fork = world.node.fork(&id, Some(Seq(3)), Some("2"), "test").await.expect("forked");
    world.send(&id, "go", "10").await;
    world.send(&fork, "go", "20").await;
    assert_eq!(world.result(&id).await, "10");
    assert_eq!(world.result(&fork).await, "20");
    assert_eq!(counts.load(Ordering::Relaxed), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_process_waits_and_goes_on() {
    let world = World::new(
        Registry::new()
            .kind("echo", |ctx: Ctx, _: ()| async move { ctx.recv().await?.read::<u64>() }),
    );
    let id = world.start("echo/1", "null").await;
    world.until(&id, Status::Receiving).await;
    world.node.pause(&id, "test").await.expect("paused");
    world.until(&id, Status::Paused).await;
    world.send(&id, "go", "3").await;
    pause(50).await;
    assert_eq!(world.node.process(&id).await.expect("row").status, Status::Paused);
    world.node.resume(&id, "test").await.expect("resumed");
    assert_eq!(world.result(&id).await, "3");
    let code = world.node.resume(&id, "test").await.expect_err("ended").code();
    assert_eq!(code, "ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_payload_goes_through_the_blob_store_and_back() {
    let registry = Registry::new().kind("big", |ctx: Ctx, bytes: usize| async move {
        let made: String =
            ctx.step("make", move |_| async move { Ok::<_, Failure>("x".repeat(bytes)) }).await?;
        ctx.recv().await?;
        Ok::<_, Failure>(made.len())
    });
    let world = World::new(registry.clone());
    let id = world.start("big/1", "1000000").await;
    world.until(&id, Status::Receiving).await;
    let world = world.deploy(registry).await;
    world.send(&id, "go", "1").await;
    assert_eq!(world.result(&id).await, "1000000");
    let id = world.start("big/2", "40000000").await;
    assert!(world.failure(&id).await.contains("over the limit"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_hears_of_a_server_that_ends_without_a_reply() {
    let registry = Registry::new()
        .kind("server", |ctx: Ctx, _: ()| async move {
            ctx.recv().await?;
            Err::<u64, _>(Failure::msg("took it and failed"))
        })
        .kind("client", |ctx: Ctx, _: ()| async move {
            let server = ctx.spawn("server", &()).await?;
            let reply = ctx.call::<u64>(server.id(), "ask", &1).await;
            Ok::<bool, Failure>(reply.is_err_and(|failure| failure.is("no_process")))
        });
    let world = World::new(registry);
    let id = world.start("client/1", "null").await;
    assert_eq!(world.result(&id).await, "true");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orderly_stop_leaves_nothing_unknown() {
    let registry = || {
        Registry::new().kind("careful", |ctx: Ctx, _: ()| async move {
            for _ in 0..60 {
                let step = ctx.step("once", |_| async {
                    pause(2).await;
                    Ran::Ok(1)
                });
                step.at_most_once().await?;
            }
            Ran::Ok(1)
        })
    };
    let mut world = World::new(registry());
    let mut ids = Vec::new();
    for key in 0..10 {
        ids.push(world.start(&format!("careful/{key}"), "null").await);
    }
    for _ in 0..4 {
        pause(15).await;
        world = world.deploy(registry()).await;
    }
    for id in &ids {
        assert_eq!(world.result(id).await, "1");
        assert!(!world.names(id).await.contains(&"StepUnknown"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pausing_before_a_step_begins_is_no_crash() {
    let registry = || {
        Registry::new().kind("held", |ctx: Ctx, _: ()| async move {
            ctx.recv().await?;
            ctx.step("once", |_| async { Ran::Ok(9) }).at_most_once().await
        })
    };
    let world = World::new(registry());
    let id = world.start("held/1", "null").await;
    world.until(&id, Status::Receiving).await;
    world.node.pause(&id, "test").await.expect("paused");
    world.until(&id, Status::Paused).await;
    world.send(&id, "go", "1").await;
    let world = world.deploy(registry()).await;
    world.node.resume(&id, "test").await.expect("resumed");
    assert_eq!(world.result(&id).await, "9");
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_a_scope_wakes_what_it_wraps() {
    let registry = Registry::new().kind("scoped", |ctx: Ctx, _: ()| async move {
        let (inside, outside) = (ctx.clone(), ctx.clone());
        let (scope, work) = ctx.scope(async move { inside.recv().topic("never").await });
        let canceller = async move {
            outside.sleep(Duration::from_millis(10)).await?;
            scope.cancel();
            outside.recv().topic("never").await
        };
        match select(work, canceller).await {
            Either::Left(Err(failure)) if failure.is("cancelled") => Ran::Ok(1),
            _ => Ran::Ok(0),
        }
    });
    let world = World::new(registry);
    let id = world.start("scoped/1", "null").await;
    assert_eq!(world.result(&id).await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_too_is_compensated_and_then_not_restarted() {
    let registry = Registry::new().kind("trip", |ctx: Ctx, _: ()| async move {
        let booked = ctx.step("book", |_| async { Ran::Ok(1) });
        let booked = booked.compensate("unbook", |_| async { Ran::Ok(0) }).await?;
        assert_eq!(booked, 2, "not what was expected");
        Ran::Ok(0)
    });
    let world = World::new(registry);
    let id = world.start("trip/1", "null").await;
    assert!(world.failure(&id).await.contains("not what was expected"));
    let steps: Vec<String> = world.events(&id).await.iter().filter_map(step_name).collect();
    assert_eq!(steps, ["book", "unbook"]);
    let refused = world.node.restart(&id, RestartFrom::Failure, "test").await;
    assert!(refused.expect_err("undone").to_string().contains("compensations have run"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_keeps_the_names_its_history_ran_under() {
    let registry = Registry::new().kind("leaf", |_: Ctx, n: u64| async move { Ran::Ok(n) }).kind(
        "branch",
        |ctx: Ctx, _: ()| async move {
            let child = ctx.spawn("leaf", &1).await?;
            let first: u64 = child.join().await?;
            ctx.recv().topic("go").await?;
            let second: u64 = ctx.spawn("leaf", &2).await?.join().await?;
            Ok::<(u64, String), Failure>((first + second, ctx.id().to_string()))
        },
    );
    let world = World::new(registry);
    let id = world.start("branch/1", "null").await;
    world.until(&id, Status::Receiving).await;
    let fork = world.node.fork(&id, None, Some("2"), "test").await.expect("forked");
    for id in [&id, &fork] {
        world.send(id, "go", "1").await;
        assert_eq!(world.result(id).await, format!("[3,\"{id}\"]"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn children_are_joined_over_an_iterator_that_borrows_them() {
    let registry = Registry::new().kind("leaf", |_: Ctx, n: u64| async move { Ran::Ok(n) }).kind(
        "tree",
        |ctx: Ctx, n: u64| async move {
            let mut children: Vec<Child> = Vec::new();
            for n in 1..=n {
                children.push(ctx.spawn("leaf", &n).await?);
            }
            let all = try_join_all(children.iter().map(|child| child.join::<u64>())).await?;
            let (_, first) = select_all(children.iter().map(|child| child.exit())).await;
            assert!(matches!(first?, Exit::Normal(_)));
            Ran::Ok(all.into_iter().sum())
        },
    );
    let world = World::new(registry);
    let id = world.start("tree/1", "4").await;
    assert_eq!(world.result(&id).await, "10");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_the_code_cannot_read_can_be_given_again() {
    let registry = Registry::new()
        .kind("asker", |ctx: Ctx, _: ()| async move { ctx.ask::<bool>("sure", "Sure?").await });
    let world = World::new(registry);
    let id = world.start("asker/1", "null").await;
    world.until(&id, Status::Asking).await;
    let ask = world.node.asks(None).await.expect("asks").remove(0);
    let ask = AskId { process: id.clone(), op: ask.op };
    let json = |text: &str| greenroom_runtime::model::Payload::parse(text).expect("json");
    world.node.answer(&ask, json("\"maybe\""), "test").await.expect("any JSON is allowed");
    assert!(world.failure(&id).await.contains("bad_payload"));
    world.node.restart(&id, RestartFrom::Failure, "test").await.expect("restarted");
    world.until(&id, Status::Asking).await;
    world.node.pause(&id, "test").await.expect("paused");
    world.until(&id, Status::Paused).await;
    world.node.answer(&ask, json("true"), "test").await.expect("answered");
    let twice = world.node.answer(&ask, json("false"), "test").await;
    assert_eq!(twice.expect_err("one answer counts").code(), "not_open");
    world.node.resume(&id, "test").await.expect("resumed");
    assert_eq!(world.result(&id).await, "true");
}
