//! What the limit of a budget is worth: after a restart, to a fork, with
//! `charge`, after a cancel, after the end of who had it.

use crate::script::{account, raise, registry, run, until_messages, until_tokens, until_waiting};
use crate::world::{World, pause};
use greenroom_runtime::journal::Memory;
use greenroom_runtime::model::budget::Spend;
use greenroom_runtime::model::{Exit, Failure, ProcessId, Seq, Status};
use greenroom_runtime::{Ctx, Node, NodeOptions, Registry, RestartFrom};
use std::sync::Arc;

fn id(key: &str) -> ProcessId {
    format!("script/{key}").parse().expect("an id")
}

#[tokio::test]
async fn what_a_fork_or_a_restart_uses_is_paid_again() {
    let world = World::new(registry());
    let ops = r#"[["reserve",100],["recv"],["settle",90],["recv"]]"#;
    let root = run(&world, "script/root", "tokens=400", ops).await;
    world.until(&root, Status::Receiving).await;
    let mut all = vec![root.clone()];
    for key in ["one", "two"] {
        all.push(world.node.fork(&root, None, Some(key), "test").await.expect("forked"));
    }
    for one in &all {
        world.until(one, Status::Receiving).await;
        world.send(one, "go", "null").await;
    }
    until_tokens(&world, &root, 270).await;
    // And once more, after what gave the rest back was taken back.
    world.node.restart(&root, RestartFrom::At(Seq(2)), "test").await.expect("restarted");
    pause(50).await;
    world.send(&root, "go", "null").await;
    until_tokens(&world, &root, 360).await;
}

#[tokio::test]
async fn what_does_not_come_back_is_lent_to_nobody() {
    let world = World::new(registry());
    let ops = r#"[["reserve",100],["settle",0],["try",100],["recv"]]"#;
    let root = run(&world, "script/root", "tokens=100", ops).await;
    world.until(&root, Status::Receiving).await;
    until_tokens(&world, &root, 100).await;
    world.node.restart(&root, RestartFrom::At(Seq(2)), "test").await.expect("restarted");
    pause(100).await;
    assert!(world.names(&root).await.contains(&"SpendRefused"));
    until_tokens(&world, &root, 100).await;
}

#[tokio::test]
async fn an_overdrawn_account_lets_nothing_through() {
    let world = World::new(registry());
    world.start("sink/1", "null").await;
    let ops = r#"[["charge",4],["send","sink/1"],["sleep",1],["loop"]]"#;
    let root = run(&world, "script/root", "tokens=10,money=1", ops).await;
    world.until(&root, Status::Blocked).await;
    until_tokens(&world, &root, 12).await;
    // With just so much it is not overdrawn.
    raise(&world, &root, "tokens=2").await;
    until_tokens(&world, &root, 16).await;
    world.until(&root, Status::Blocked).await;
    for (ops, fails) in [
        (r#"[["charge",11],["try to send","sink/1"]]"#, "budget"),
        (r#"[["charge",11],["try",0]]"#, "budget"),
        (r#"[["charge",10],["try",0]]"#, "ok"),
    ] {
        let key = format!("script/{}", ops.len() + fails.len());
        let id = run(&world, &key, "tokens=10", ops).await;
        assert_eq!(world.result(&id).await, format!(r#"["ok","{fails}"]"#));
    }
    for waits in [r#"["reserve",0]"#, r#"["spawn",[]]"#, r#"["publish","news"]"#] {
        let world = World::new(registry());
        run(&world, "script/1", "tokens=10", &format!(r#"[["charge",11],{waits}]"#)).await;
        until_waiting(&world, 1).await;
    }
}

#[tokio::test]
async fn a_cancel_does_not_take_the_limit_off() {
    let world = World::new(registry());
    world.start("sink/1", "null").await;
    let ops = r#"[["try to reach","sink/1"],["try to sleep",1],["loop"]]"#;
    let root = run(&world, "script/root", "messages=20", ops).await;
    world.until(&root, Status::Blocked).await;
    world.node.cancel(&root, "enough", "test").await.expect("told");
    until_messages(&world, &root, 120).await;
    // The same after its history was read again.
    let world = world.deploy(registry()).await;
    pause(100).await;
    until_messages(&world, &root, 120).await;
    world.node.kill(&root, "enough", "test").await.expect("told");
    assert!(matches!(world.exit(&root).await, Exit::Killed(_)));
}

#[tokio::test]
async fn a_cancelled_process_buys_nothing_that_is_not_there() {
    let world = World::new(registry());
    let cleans = r#"[["try to sleep",60000],["reserve",1000],["spawn",[],"c","messages=1000"]]"#;
    let root = run(&world, "script/root", "messages=5,tokens=5", cleans).await;
    world.until(&root, Status::Sleeping).await;
    world.node.cancel(&root, "enough", "test").await.expect("told");
    assert_eq!(world.result(&root).await, r#"["cancelled","budget","budget"]"#);
}

#[tokio::test]
async fn a_publish_leaves_something_for_others() {
    let world = World::new(registry());
    for key in 0..40 {
        let id = world.start(&format!("listener/{key}"), "null").await;
        world.until(&id, Status::Receiving).await;
    }
    let ops = r#"[["spawn",[["publish","news"],["publish","news"]],"p"],
        ["spawn",[["publish","news"],["publish","news"]],"q"],
        ["crowd",30,[["try to send","listener/1"],["sleep",1],["try to send","listener/1"]]],["recv"]]"#;
    let root = run(&world, "script/root", "messages=1000", ops).await;
    // Nobody was refused.
    until_messages(&world, &root, 2 + 30 + 4 * 40 + 60).await;
    for publisher in ["p", "q"] {
        assert_eq!(world.result(&id(publisher)).await, r#"["40","40"]"#);
    }
}

#[tokio::test]
async fn what_nobody_above_limits_outlives_who_had_it() {
    let world = World::new(registry());
    let late = r#"[["sleep",60],["reserve",20]]"#;
    let ops = format!(r#"[["spawn",[["spawn",{late},"g"]],"c","tokens=10"],["recv"]]"#);
    let root = run(&world, "script/root", "messages=1000", &ops).await;
    world.until(&id("g"), Status::Blocked).await;
    // Its messages went back, its tokens nobody else could have given.
    raise(&world, &id("c"), "tokens=10").await;
    assert_eq!(world.result(&id("g")).await, r#"["ok","ok"]"#);
    let back = world.node.raise_budget(&id("c"), "messages=1".parse().expect("one")).await;
    assert_eq!(back.expect_err("none").to_string(), "script/c has no limit on messages");
    world.send(&root, "go", "null").await;
    // What was set aside below it comes back to it.
    let below = r#"["spawn",[["sleep",60],["charge",10]],"eg","tokens=60"]"#;
    let wants = r#"["spawn",[["sleep",60],["reserve",80]],"ew"]"#;
    let ops = format!(r#"[["spawn",[{below},{wants}],"ec","tokens=100"]]"#);
    run(&world, "script/e", "messages=1000", &ops).await;
    world.until(&id("ew"), Status::Completed).await;
    assert_eq!(world.result(&id("ew")).await, r#"["ok","ok"]"#);
    let account = account(&world, &id("ec")).await;
    assert_eq!((account.spent.tokens, account.reserved.tokens), (90, 0));
}

/// Writes to itself through an ephemeral child.
async fn roundabout(ctx: Ctx, _: ()) -> Result<u64, Failure> {
    ctx.spawn("echo", &ctx.id()).ephemeral().await?.join::<()>().await?;
    loop {
        ctx.recv().await?;
        ctx.spawn("echo", &ctx.id()).ephemeral().await?.join::<()>().await?;
    }
}

async fn echo(ctx: Ctx, to: ProcessId) -> Result<(), Failure> {
    ctx.send(&to, "again", &0).await
}

#[tokio::test]
async fn a_loop_through_ephemeral_processes_ends() {
    let registry = || Registry::new().kind("roundabout", roundabout).kind("echo", echo);
    let world = World::new(registry());
    let paid = run(&world, "roundabout/paid", "messages=20", "null").await;
    assert!(world.failure(&paid).await.contains("the budget of roundabout/paid is used up"));
    assert_eq!(account(&world, &paid).await.spent.messages, 20);
    // Without a budget it gets too far from where it began.
    let options = NodeOptions { hops_max: 50, ..NodeOptions::default() };
    let store = Arc::new(Memory::new());
    let world = World::with(Node::start(store, registry(), options).expect("starts"));
    let free = world.start("roundabout/free", "null").await;
    for _ in 0..500 {
        if !world.node.dead(10).await.expect("read").is_empty() {
            break;
        }
        pause(10).await;
    }
    let letters = world.node.dead(10).await.expect("read");
    assert!(
        letters[0].reason.contains("51 messages and spawns away from"),
        "{}",
        letters[0].reason
    );
    world.until(&free, Status::Receiving).await;
}

/// Passes on what others tell it, whoever they are, at its own cost.
async fn relay(ctx: Ctx, count: u64) -> Result<u64, Failure> {
    for _ in 0..count {
        ctx.recv().topic("word").pays_itself().await?;
        ctx.send(&"sink/1".parse()?, "relayed", &0).await?;
        ctx.reserve(Spend::tokens(100)).await?.settle(Spend::tokens(70));
    }
    Ok(count)
}

#[tokio::test]
async fn who_says_that_it_pays_itself_does_also_for_those_with_nothing_left() {
    let world = World::new(registry().kind("relay", relay));
    world.start("sink/1", "null").await;
    // One without a budget, and one with.
    let free = world.start("relay/free", "1").await;
    let own = run(&world, "relay/own", "tokens=1000,messages=9", "1").await;
    for to in [&free, &own] {
        let teller = format!("script/to-{}", to.key());
        let ops = format!(r#"[["send","{to}"]]"#);
        let poor = run(&world, &teller, "messages=1,tokens=1", &ops).await;
        world.result(&poor).await;
        assert_eq!(world.result(to).await, "1");
        until_tokens(&world, &poor, 0).await;
    }
    until_tokens(&world, &own, 70).await;
}

/// Starts one after another, as long as it is at once.
async fn opener(ctx: Ctx, _: ()) -> Result<String, Failure> {
    let mut found = Vec::new();
    for _ in 0..3 {
        let spawn = ctx.spawn("script", &serde_json::json!([["recv"]])).detached();
        let begun = spawn.budget("tokens=40".parse().map_err(Failure::msg)?).without_waiting();
        found.push(match begun.await {
            Ok(_) => "started".to_owned(),
            Err(failure) => failure.kind.to_string(),
        });
    }
    ctx.recv().topic("go").await?;
    Ok(found.join(" "))
}

#[tokio::test]
async fn a_spawn_that_does_not_wait_fails_where_too_little_is_left() {
    let world = World::new(registry().kind("opener", opener));
    let id = run(&world, "opener/one", "tokens=100", "null").await;
    world.until(&id, Status::Receiving).await;
    assert_eq!(account(&world, &id).await.reserved.tokens, 80);
    assert!(world.names(&id).await.contains(&"SpendRefused"));
    // What replays it is told the same.
    let twin = world.node.fork(&id, None, Some("two"), "test").await.expect("forked");
    for one in [&id, &twin] {
        world.send(one, "go", "null").await;
        assert_eq!(world.result(one).await, "\"started started budget\"");
    }
}
