//! What ephemeral processes may rely on: the same code, without a journal.

use crate::world::{World, pause};
use greenroom_runtime::model::{Exit, Failure, Payload, ProcessId, Retry, Status};
use greenroom_runtime::{Ctx, Either, Registry, join_all, select};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

type Ran<T = u64> = Result<T, Failure>;

/// Runs an ephemeral process of kind `main` to its end.
async fn run(registry: Registry, input: &str) -> (World, Exit) {
    let world = World::new(registry);
    let input = Payload::parse(input).expect("json");
    let exit = tokio::time::timeout(
        Duration::from_secs(30),
        world.node.run_ephemeral("main", input, "test"),
    );
    let exit = exit.await.expect("in time").expect("known");
    (world, exit)
}

async fn result(registry: Registry, input: &str) -> String {
    match run(registry, input).await.1 {
        Exit::Normal(result) => result.to_string(),
        other => panic!("ended {other}"),
    }
}

async fn failure(registry: Registry) -> Failure {
    match run(registry, "null").await.1 {
        Exit::Error(failure) => failure,
        other => panic!("ended {other}"),
    }
}

async fn double(_: Ctx, n: u64) -> Ran {
    Ok(n * 2)
}

async fn echo(ctx: Ctx, _: ()) -> Ran<()> {
    loop {
        let message = ctx.recv().await?;
        match message.is_call() {
            true => ctx.reply(&message, &message.read::<u64>()?)?,
            false => return Ok(()),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn children_run_and_are_joined_in_any_number() {
    let registry =
        Registry::new().kind("double", double).kind("main", |ctx: Ctx, n: u64| async move {
            let mut children = Vec::new();
            for i in 0..n {
                children.push(ctx.spawn("double", &i).await?);
            }
            let joined = join_all(children.iter().map(|child| child.join::<u64>())).await;
            // A second look at an exit finds it still.
            let again = children[0].clone().exit().await?;
            assert_eq!(again, Exit::Normal(Payload::of(&0).expect("json")));
            joined.into_iter().sum::<Ran>()
        });
    assert_eq!(result(registry, "5000").await, "24995000");
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_arrive_in_order_and_selectively() {
    let registry = Registry::new()
        .kind("sender", |ctx: Ctx, to: ProcessId| async move {
            for n in 0..500u64 {
                ctx.send(&to, if n % 2 == 0 { "even" } else { "odd" }, &n).await?;
            }
            Ran::Ok(500)
        })
        .kind("main", |ctx: Ctx, _: ()| async move {
            let child = ctx.spawn("sender", &ctx.id()).await?;
            let mut seen = Vec::new();
            for topic in ["odd", "even"] {
                for _ in 0..250 {
                    let message = ctx.recv().topic(topic).from(child.id()).await?;
                    seen.push(message.read::<u64>()?);
                }
            }
            assert!(seen[..250].iter().all(|n| n % 2 == 1) && seen[..250].is_sorted());
            assert!(seen[250..].iter().all(|n| n % 2 == 0) && seen[250..].is_sorted());
            let late = ctx.recv().timeout(Duration::from_millis(5)).await;
            assert!(late.is_err_and(|failure| failure.is("timeout")));
            child.join::<u64>().await
        });
    assert_eq!(result(registry, "null").await, "500");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_answered_or_fail_and_time_out() {
    let registry = Registry::new()
        .kind("echo", echo)
        .kind("deaf", |ctx: Ctx, _: ()| async move {
            ctx.recv().topic("go").await?;
            ctx.recv().topic("a").await?;
            Ran::Ok(1)
        })
        .kind("main", |ctx: Ctx, _: ()| async move {
            let echo = ctx.spawn("echo", &()).await?;
            let mut sum = 0;
            for n in 0..100u64 {
                sum += ctx.call::<u64>(echo.id(), "n", &n).await?;
            }
            ctx.try_send(echo.id(), "end", &())?;
            echo.join::<()>().await?;
            let gone = ctx.call::<u64>(echo.id(), "n", &1).await;
            assert!(gone.is_err_and(|failure| failure.is("no_process")));
            let deaf = ctx.spawn("deaf", &()).await?;
            let slow = ctx.call::<u64>(deaf.id(), "b", &1).timeout(Duration::from_millis(5)).await;
            assert!(slow.is_err_and(|failure| failure.is("timeout")));
            // One call lies in its mailbox, one it has taken: both hear of the end.
            ctx.try_send(deaf.id(), "go", &())?;
            let (taken, lying) =
                (ctx.call::<u64>(deaf.id(), "a", &1), ctx.call::<u64>(deaf.id(), "c", &1));
            let both = join_all([lying, taken]).await;
            assert!(
                both.iter().all(|one| one.as_ref().is_err_and(|f| f.is("no_process"))),
                "{both:?}"
            );
            Ran::Ok(sum)
        });
    assert_eq!(result(registry, "null").await, "4950");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_ends_one_and_its_watchers_hear() {
    let registry = Registry::new()
        .kind("bad", |_: Ctx, _: ()| async move {
            assert!(std::hint::black_box(false), "on purpose");
            Ran::Ok(0)
        })
        .kind("watch", |ctx: Ctx, target: ProcessId| async move {
            Ran::Ok(ctx.monitor(&target).await?.to_string())
        })
        .kind("main", |ctx: Ctx, _: ()| async move {
            let bad = ctx.spawn("bad", &()).await?;
            let watch = ctx.spawn("watch", bad.id()).await?;
            let exit = bad.exit().await?;
            let Exit::Error(failure) = exit else { panic!("ended {exit}") };
            assert!(failure.is("panic") && failure.message.contains("on purpose"));
            let heard: String = watch.join().await?;
            assert!(heard == "error: panic: on purpose" || heard == "no such process", "{heard}");
            drop(bad);
            Ran::Ok(1)
        });
    assert_eq!(result(registry, "null").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_ends_with_its_root() {
    let (alive, count) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    struct Alive(Arc<AtomicU32>);
    impl Drop for Alive {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
    let (kept, counted) = (alive.clone(), count.clone());
    let registry = Registry::new()
        .kind("tree", move |ctx: Ctx, depth: u64| {
            kept.fetch_add(1, Ordering::SeqCst);
            counted.fetch_add(1, Ordering::SeqCst);
            let alive = Alive(kept.clone());
            async move {
                let mut children = Vec::new();
                for _ in 0..3 * depth.min(1) {
                    children.push(ctx.spawn("tree", &(depth - 1)).await?);
                }
                ctx.recv().topic("never").await?;
                drop(alive);
                Ran::Ok(0)
            }
        })
        .kind("main", |ctx: Ctx, depth: u64| async move {
            let tree = ctx.spawn("tree", &depth).await?;
            ctx.sleep(Duration::from_millis(50)).await?;
            ctx.cancel(tree.id(), "enough");
            Ran::Ok(tree.exit().await?.to_string())
        });
    let (world, exit) = run(registry, "5").await;
    assert_eq!(exit, Exit::Normal(Payload::parse("\"cancelled: enough\"").expect("json")));
    assert_eq!(count.load(Ordering::SeqCst), 1 + 3 + 9 + 27 + 81 + 243);
    for _ in 0..1_000 {
        if alive.load(Ordering::SeqCst) == 0 && world.node.health().ephemeral == 0 {
            return;
        }
        pause(5).await;
    }
    panic!("{} of the tree are left", alive.load(Ordering::SeqCst));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_child_is_restarted_in_place_until_too_often() {
    let lives = Arc::new(AtomicU32::new(0));
    let counter = lives.clone();
    let registry = Registry::new()
        .kind("flaky", move |ctx: Ctx, sum: u64| {
            let life = counter.fetch_add(1, Ordering::SeqCst);
            async move {
                let n: u64 = ctx.recv().await?.read()?;
                if n == 0 {
                    return Err(Failure::msg(format!("life {life}")));
                }
                Ran::Ok(sum + n)
            }
        })
        .kind("main", |ctx: Ctx, _: ()| async move {
            let flaky = ctx.spawn("flaky", &40).restarts(3, Duration::from_secs(60)).await?;
            // What waits in the mailbox survives the restarts.
            for n in [0, 0, 2] {
                ctx.try_send(flaky.id(), "n", &n)?;
            }
            assert_eq!(flaky.join::<u64>().await?, 42);
            let flaky = ctx.spawn("flaky", &0).restarts(3, Duration::from_secs(60)).await?;
            for _ in 0..9 {
                ctx.try_send(flaky.id(), "n", &0)?;
            }
            assert_eq!(flaky.exit().await?.to_string(), "error: life 6");
            Ran::Ok(1)
        });
    assert_eq!(result(registry, "null").await, "1");
    assert_eq!(lives.load(Ordering::SeqCst), 3 + 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_mailbox_refuses_or_lets_wait() {
    let registry = Registry::new()
        .kind("slow", |ctx: Ctx, n: u64| async move {
            ctx.recv().topic("go").await?;
            for _ in 0..n {
                ctx.recv().topic("n").await?;
            }
            Ran::Ok(n)
        })
        .kind("main", |ctx: Ctx, _: ()| async move {
            let slow = ctx.spawn("slow", &1_200).await?;
            let mut sent = 0u64;
            let refused = loop {
                match ctx.try_send(slow.id(), "n", &sent) {
                    Ok(()) => sent += 1,
                    Err(failure) => break failure,
                }
            };
            // As much again as what its process has just taken out.
            assert!(refused.is("mailbox_full") && sent <= 2 * 1_024, "{refused} after {sent}");
            // Control is never refused.
            ctx.cancel(slow.id(), "make room");
            assert_eq!(slow.exit().await?.to_string(), "cancelled: make room");
            let slow = ctx.spawn("slow", &3_000).await?;
            ctx.try_send(slow.id(), "go", &())?;
            for n in 0..3_000 {
                ctx.send(slow.id(), "n", &n).await?;
            }
            slow.join::<u64>().await
        });
    assert_eq!(result(registry, "null").await, "3000");
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_sleeps_and_select_work_as_ever() {
    let registry = Registry::new().kind("main", |ctx: Ctx, _: ()| async move {
        let retry = Retry { first_delay: Duration::from_millis(1), ..Retry::attempts(3) };
        let third = ctx
            .step("flaky", |step| {
                let attempt = step.attempt();
                async move { if attempt < 3 { Err(Failure::msg("busy")) } else { Ok(attempt) } }
            })
            .retry(retry);
        assert_eq!(third.await?, 3);
        let silent = ctx
            .step("silent", |_| async {
                std::future::pending::<()>().await;
                Ran::Ok(1)
            })
            .heartbeat_timeout(Duration::from_millis(5))
            .retry(Retry::never());
        assert!(silent.await.is_err_and(|failure| failure.is("timeout")));
        let winner = select(ctx.recv(), ctx.sleep(Duration::from_millis(1))).await;
        assert!(matches!(winner, Either::Right(Ok(()))));
        let late = ctx.timeout(Duration::from_millis(1), ctx.recv()).await;
        assert!(late.is_err_and(|failure| failure.is("timeout")));
        assert!(ctx.random() < 1.0 && ctx.uuid() != ctx.uuid() && ctx.now().0 > 0);
        ctx.set("n", &7)?;
        Ran::Ok(ctx.get::<u64>("n").unwrap_or(0))
    });
    assert_eq!(result(registry, "null").await, "7");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_a_journal_says_so() {
    let asks = |ctx: Ctx, _: ()| async move { ctx.ask::<bool>("ok", "Well?").await };
    let once = |ctx: Ctx, _: ()| async move {
        ctx.step("pay", |_| async { Ran::Ok(1) }).at_most_once().await
    };
    let queued = |ctx: Ctx, _: ()| async move {
        ctx.step("pay", |_| async { Ran::Ok(1) }).queue("bank").await
    };
    let undone = |ctx: Ctx, _: ()| async move {
        ctx.step("pay", |_| async { Ran::Ok(1) })
            .compensate("refund", |_| async { Ran::Ok(1) })
            .await
    };
    let again = |ctx: Ctx, _: ()| async move { ctx.continue_as_new::<u64>(&()) };
    let watches = |ctx: Ctx, _: ()| async move {
        ctx.monitor(&ProcessId::parse("some/one").expect("an id"))
            .await
            .map(|exit| exit.to_string())
    };
    let calls = |ctx: Ctx, _: ()| async move {
        ctx.call::<u64>(&ProcessId::parse("some/one").expect("an id"), "n", &1).await
    };
    for registry in [
        Registry::new().kind("main", asks),
        Registry::new().kind("main", once),
        Registry::new().kind("main", queued),
        Registry::new().kind("main", undone),
        Registry::new().kind("main", again),
        Registry::new().kind("main", watches),
        Registry::new().kind("main", calls),
    ] {
        let failure = failure(registry).await;
        assert!(failure.is("needs_journal") && !failure.retryable, "{failure}");
    }
    let named = |ctx: Ctx, _: ()| async move { ctx.spawn("main", &()).key("x").await.map(drop) };
    assert!(failure(Registry::new().kind("main", named)).await.is("bad_spawn"));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_that_chat_for_ever_do_not_starve_a_third() {
    let registry = Registry::new()
        .kind("chat", |ctx: Ctx, to: Option<ProcessId>| async move {
            if let Some(to) = to {
                ctx.try_send(&to, "hi", &())?;
            }
            loop {
                let message = ctx.recv().await?;
                if let greenroom_runtime::model::Origin::Process(from) = &message.from {
                    ctx.try_send(from, "hi", &())?;
                }
            }
            #[expect(unreachable_code, reason = "it names the result")]
            Ran::Ok(0)
        })
        .kind("busy", |ctx: Ctx, _: ()| async move {
            // Its mailbox is never empty: it sends to itself.
            let me = ctx.id();
            loop {
                ctx.try_send(&me, "again", &())?;
                ctx.recv().await?;
            }
            #[expect(unreachable_code, reason = "it names the result")]
            Ran::Ok(0)
        })
        .kind("double", double)
        .kind("main", |ctx: Ctx, _: ()| async move {
            let mut chats = Vec::new();
            for _ in 0..4 {
                let one = ctx.spawn("chat", &None::<ProcessId>).await?;
                chats.push(ctx.spawn("chat", &Some(one.id())).await?);
                chats.push(ctx.spawn("busy", &()).await?);
                chats.push(one);
            }
            let mut sum = 0;
            for n in 0..100u64 {
                sum += ctx.spawn("double", &n).await?.join::<u64>().await?;
            }
            Ran::Ok(sum)
        });
    assert_eq!(result(registry, "null").await, "9900");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_durable_parent_has_it_as_a_step() {
    let runs = Arc::new(AtomicU32::new(0));
    let counter = runs.clone();
    let registry = Registry::new()
        .kind("helper", move |ctx: Ctx, n: u64| {
            counter.fetch_add(1, Ordering::SeqCst);
            async move {
                if n == 13 {
                    return Err(Failure::msg("unlucky"));
                }
                ctx.emit(&n)?;
                // To the durable parent, in its own name.
                let parent = ctx.parent().ok_or_else(|| Failure::msg("no parent"))?;
                ctx.try_send(&parent, "from helper", &n)?;
                Ok(n * 2)
            }
        })
        .kind("parent", |ctx: Ctx, _: ()| async move {
            let mut helpers = Vec::new();
            for n in 0..3u64 {
                helpers.push(ctx.spawn("helper", &n).ephemeral().await?);
            }
            let mut sum = 0;
            for helper in &helpers {
                sum += helper.join::<u64>().await?;
                ctx.recv().topic("from helper").from(&ctx.id()).await?;
            }
            let unlucky = ctx.spawn("helper", &13).ephemeral().await?;
            assert_eq!(unlucky.exit().await?.to_string(), "error: unlucky");
            assert_eq!(unlucky.exit().await?.to_string(), "error: unlucky");
            ctx.recv().topic("go").await?;
            Ran::Ok(sum)
        });
    let world = World::new(registry.clone());
    let id = world.start("parent/1", "null").await;
    world.until(&id, Status::Receiving).await;
    for _ in 0..1_000 {
        if world.names(&id).await.iter().filter(|name| **name == "StepFailed").count() == 1 {
            break;
        }
        pause(5).await;
    }
    assert_eq!(runs.load(Ordering::SeqCst), 4);
    // Replay takes the results from the journal.
    let world = world.deploy(registry).await;
    world.send(&id, "go", "null").await;
    assert_eq!(world.result(&id).await, "6");
    assert_eq!(runs.load(Ordering::SeqCst), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ephemeral_child_that_a_stop_cut_off_runs_again() {
    let runs = Arc::new(AtomicU32::new(0));
    let counter = runs.clone();
    let registry = Registry::new()
        .kind("helper", move |ctx: Ctx, _: ()| {
            let run = counter.fetch_add(1, Ordering::SeqCst);
            async move {
                if run == 0 {
                    ctx.recv().topic("never").await?;
                }
                Ran::Ok(u64::from(run))
            }
        })
        .kind("parent", |ctx: Ctx, _: ()| async move {
            ctx.spawn("helper", &()).ephemeral().await?.join::<u64>().await
        });
    let world = World::new(registry.clone());
    let id = world.start("parent/1", "null").await;
    for _ in 0..1_000 {
        if runs.load(Ordering::SeqCst) == 1 {
            break;
        }
        pause(5).await;
    }
    world.node.stop(Duration::ZERO).await;
    let world = World::on(world.store, registry);
    assert_eq!(world.result(&id).await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_the_durable_parent_ends_its_helpers() {
    let registry = Registry::new()
        .kind("helper", |ctx: Ctx, _: ()| async move {
            ctx.recv().await?;
            Ran::Ok(0)
        })
        .kind("parent", |ctx: Ctx, _: ()| async move {
            let helper = ctx.spawn("helper", &()).ephemeral().await?;
            helper.join::<u64>().await
        });
    let world = World::new(registry);
    let id = world.start("parent/1", "null").await;
    for _ in 0..1_000 {
        if world.node.health().ephemeral == 1 {
            break;
        }
        pause(5).await;
    }
    world.node.cancel(&id, "enough", "test").await.expect("cancelled");
    assert_eq!(world.failure(&id).await, "cancelled: enough");
    for _ in 0..1_000 {
        if world.node.health().ephemeral == 0 {
            return;
        }
        pause(5).await;
    }
    panic!("the helper lives on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_holds_its_loop_up_does_not_keep_others_waiting() {
    let ran = Arc::new(AtomicU32::new(0));
    let counter = ran.clone();
    let registry = Registry::new()
        .kind("child", move |_: Ctx, _: ()| {
            let ran = counter.clone();
            async move { Ran::Ok(u64::from(ran.fetch_add(1, Ordering::SeqCst))) }
        })
        .kind("main", move |ctx: Ctx, _: ()| {
            let ran = ran.clone();
            async move {
                for _ in 0..4 {
                    ctx.spawn("child", &()).await?;
                }
                // They stand behind this one, which waits without giving way.
                for _ in 0..20_000 {
                    if ran.load(Ordering::SeqCst) == 4 {
                        return Ran::Ok(4);
                    }
                    std::thread::sleep(Duration::from_millis(1));
                }
                Ran::Ok(0)
            }
        });
    if std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1) {
        assert_eq!(result(registry, "null").await, "4");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn send_wait_is_a_send_for_a_durable_process() {
    let registry = Registry::new()
        .kind("sink", |ctx: Ctx, _: ()| async move { ctx.recv().await?.read::<u64>() })
        .kind("source", |ctx: Ctx, to: ProcessId| async move {
            ctx.send(&to, "n", &7).await?;
            ctx.recv().topic("go").await?;
            Ran::Ok(1)
        });
    let world = World::new(registry.clone());
    let sink = world.start("sink/1", "null").await;
    let source = world.start("source/1", "\"sink/1\"").await;
    assert_eq!(world.result(&sink).await, "7");
    world.until(&source, Status::Receiving).await;
    // It replays.
    let world = world.deploy(registry).await;
    world.send(&source, "go", "null").await;
    assert_eq!(world.result(&source).await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_node_has_dropped_what_its_processes_held() {
    struct Held(Arc<AtomicU32>);
    impl Drop for Held {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let dropped = Arc::new(AtomicU32::new(0));
    let counter = dropped.clone();
    let registry = Registry::new()
        .kind("holder", move |ctx: Ctx, _: ()| {
            let held = Held(counter.clone());
            async move {
                ctx.recv().await?;
                drop(held);
                Ran::Ok(0)
            }
        })
        .kind("main", |ctx: Ctx, _: ()| async move {
            for _ in 0..100 {
                ctx.spawn("holder", &()).await?;
            }
            ctx.recv().await?;
            Ran::Ok(0)
        });
    let world = World::new(registry);
    let node = world.node.clone();
    let null = Payload::parse("null").expect("json");
    let main = tokio::spawn(async move { node.run_ephemeral("main", null, "test").await });
    for _ in 0..1_000 {
        if world.node.health().ephemeral == 101 {
            break;
        }
        pause(5).await;
    }
    world.node.stop(Duration::ZERO).await;
    assert_eq!(dropped.load(Ordering::SeqCst), 100);
    let exit = main.await.expect("no panic").expect("known");
    assert!(exit.to_string().contains("the node stopped"), "{exit}");
    let refused = world.node.run_ephemeral("main", Payload::parse("null").expect("json"), "test");
    assert!(matches!(refused.await, Ok(Exit::Error(failure)) if failure.is("stopped")));
}
