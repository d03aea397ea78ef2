//! Who waits for a budget: nobody is forgotten, nobody stands there for nothing,
//! and many are no burden.

use crate::hooks::Hooks;
use crate::script::{PRICE, account, raise, registry, run, until_tokens, until_waiting};
use crate::world::{World, counter, pause};
use greenroom_runtime::journal::{Commit, Error, Listing};
use greenroom_runtime::model::{Exit, ProcessId, Seq, Status};
use greenroom_runtime::{BlockedBy, Node, NodeOptions, RestartFrom, join_all};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

fn id(key: &str) -> ProcessId {
    format!("script/{key}").parse().expect("an id")
}

/// A root that has used up its tokens, with two that want 100.
async fn two_waiting(world: &World) -> ProcessId {
    let ops = r#"[["charge",100],["spawn",[["reserve",100]],"a"],["sleep",40],
        ["spawn",[["reserve",100]],"b"],["recv"]]"#;
    let root = run(world, "script/root", "tokens=100", ops).await;
    until_waiting(world, 2).await;
    root
}

#[tokio::test]
async fn who_is_paused_holds_up_nobody() {
    let world = World::new(registry());
    let root = two_waiting(&world).await;
    world.node.pause(&id("a"), "test").await.expect("paused");
    world.until(&id("a"), Status::Paused).await;
    raise(&world, &root, "tokens=100").await;
    assert_eq!(world.result(&id("b")).await, r#"["ok"]"#);
    // It stands in line again once it goes on.
    world.node.resume(&id("a"), "test").await.expect("resumed");
    until_waiting(&world, 1).await;
    raise(&world, &root, "tokens=100").await;
    assert_eq!(world.result(&id("a")).await, r#"["ok"]"#);
}

#[tokio::test]
async fn who_is_let_in_and_ends_instead_lets_in_the_next() {
    let world = World::new(registry());
    let root = two_waiting(&world).await;
    world.node.pause(&id("a"), "test").await.expect("paused");
    world.until(&id("a"), Status::Paused).await;
    raise(&world, &root, "tokens=100").await;
    pause(50).await;
    world.node.cancel(&id("a"), "enough", "test").await.expect("told");
    assert!(matches!(world.exit(&id("a")).await, Exit::Cancelled(_)));
    assert_eq!(world.result(&id("b")).await, r#"["ok"]"#);
    assert_eq!(account(&world, &root).await.spent.tokens, 200);
}

#[tokio::test]
async fn who_is_taken_back_waits_for_what_it_needs_now() {
    let world = World::new(registry());
    PRICE.store(100, Ordering::SeqCst);
    let ops = r#"[["spawn",[["priced"]],"a"],["sleep",40],["recv"],["spawn",[["reserve",50]],"b"],["recv"]]"#;
    let root = run(&world, "script/root", "tokens=50", ops).await;
    until_waiting(&world, 1).await;
    PRICE.store(80, Ordering::SeqCst);
    world.node.restart(&id("a"), RestartFrom::At(Seq(1)), "test").await.expect("restarted");
    pause(100).await;
    until_waiting(&world, 1).await;
    raise(&world, &root, "tokens=30").await;
    assert_eq!(world.result(&id("a")).await, r#"["ok"]"#);
    // One that does not wait any more takes nothing from who does.
    let world = World::new(registry());
    PRICE.store(50, Ordering::SeqCst);
    let ops = ops.replace(r#"["priced"]"#, r#"["priced"],["recv"]"#);
    let root = run(&world, "script/root", "tokens=0", &ops).await;
    until_waiting(&world, 1).await;
    world.send(&root, "go", "null").await;
    until_waiting(&world, 2).await;
    PRICE.store(0, Ordering::SeqCst);
    world.node.restart(&id("a"), RestartFrom::At(Seq(1)), "test").await.expect("restarted");
    world.until(&id("a"), Status::Receiving).await;
    raise(&world, &root, "tokens=50").await;
    assert_eq!(world.result(&id("b")).await, r#"["ok"]"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_accounts_in_use_are_no_burden() {
    let world = World::new(registry());
    let ops = r#"[["crowd",10500,[["reserve",2]],"tokens=1"],["recv"]]"#;
    let root = run(&world, "script/root", "messages=20000", ops).await;
    until_waiting(&world, 10_500).await;
    assert!(!world.node.process(&root).await.expect("there").status.is_ended());
}

#[tokio::test]
async fn who_needs_something_else_is_no_burden_to_who_pays() {
    let world = World::new(registry());
    let ops =
        r#"[["charge",100],["crowd",300,[["reserve",5]]],["recv"],["send","sink/1"],["recv"]]"#;
    world.start("sink/1", "null").await;
    let root = run(&world, "script/root", "tokens=100,messages=1000", ops).await;
    until_waiting(&world, 300).await;
    world.send(&root, "go", "null").await;
    // As many go on as can be paid, and those that came first.
    raise(&world, &root, "tokens=500").await;
    until_tokens(&world, &root, 600).await;
    until_waiting(&world, 200).await;
    raise(&world, &root, "tokens=1000").await;
    until_tokens(&world, &root, 1_600).await;
    until_waiting(&world, 0).await;
}

#[tokio::test]
async fn what_is_left_is_told_without_reading_journals() {
    let (loads, counted) = counter();
    let count = move || {
        loads.fetch_add(1, Ordering::SeqCst);
    };
    let store = Hooks { before_load: Box::new(count), ..Hooks::default() };
    let node = Node::start(Arc::new(store), registry(), NodeOptions::default()).expect("starts");
    let world = World::with(node);
    let ops = r#"[["spawn",[["spawn",[["reserve",5]],"b","tokens=1"],["recv"]],"a"],["recv"]]"#;
    let root = run(&world, "script/root", "tokens=10", ops).await;
    until_waiting(&world, 1).await;
    let before = counted.load(Ordering::SeqCst);
    for (process, pays, waiting) in
        [(&root, &root, 1), (&id("a"), &root, 1), (&id("b"), &id("b"), 1)]
    {
        let report = world.node.budget(process).await.expect("read");
        assert_eq!((&report.accounts[0].id, report.waiting), (pays, waiting));
    }
    raise(&world, &root, "tokens=1").await;
    assert_eq!(counted.load(Ordering::SeqCst), before, "no journal was read");
    // Who waits says for whom.
    let row = world.node.process(&id("b")).await.expect("there");
    let blocked = world.node.blocked_by(&[row.no].into());
    assert_eq!(blocked.get(&row.no), Some(&BlockedBy::Budget(id("b"))));
}

#[tokio::test]
async fn who_waits_at_an_account_that_closes_waits_where_that_goes() {
    let world = World::new(registry());
    let waits = r#"[["spawn",[["reserve",50]],"g"],["recv"]]"#;
    let ops = format!(r#"[["spawn",{waits},"c","tokens=10"],["recv"]]"#);
    let root = run(&world, "script/root", "tokens=100", &ops).await;
    until_waiting(&world, 1).await;
    world.send(&id("c"), "go", "null").await;
    world.until(&id("g"), Status::Completed).await;
    assert_eq!(account(&world, &root).await.spent.tokens, 50);
}

#[tokio::test]
async fn what_comes_back_is_lent_to_nobody_before_it_is_durable() {
    let down = Arc::new(AtomicBool::new(false));
    let is_down = down.clone();
    let commit = move |_: &[Commit]| match is_down.load(Ordering::SeqCst) {
        true => Err(Error::Unavailable { why: "it is down".into() }),
        false => Ok(()),
    };
    let store = Hooks { before_commit: Box::new(commit), ..Hooks::default() };
    let node = Node::start(Arc::new(store), registry(), NodeOptions::default()).expect("starts");
    let world = World::with(node);
    // Time enough for a slow machine to see the reservation before it is given back.
    let gives = r#"["reserve",100],["sleep",1500],["settle",0]"#;
    let ops = format!(
        r#"[["spawn",[{gives},["sleep",2000]],"a"],["spawn",[["sleep",2000],["try",100]],"b"],["recv"]]"#
    );
    let root = run(&world, "script/root", "tokens=100", &ops).await;
    until_tokens(&world, &root, 100).await;
    down.store(true, Ordering::SeqCst);
    pause(2_500).await;
    down.store(false, Ordering::SeqCst);
    world.until(&id("b"), Status::Completed).await;
    assert_eq!(world.result(&id("b")).await, r#"["ok","budget"]"#);
    // Who gives back may have it at once.
    let ops = format!(r#"[{gives},["try",100]]"#);
    let own = run(&world, "script/own", "tokens=100", &ops).await;
    assert_eq!(world.result(&own).await, r#"["ok","ok","ok","ok"]"#);
}

/// None of them has to look through all the others.
#[tokio::test(flavor = "multi_thread")]
async fn many_who_give_up_are_no_burden() {
    let world = World::new(registry());
    let ops = r#"[["charge",100],["crowd",4000,[["reserve",5]]],["recv"]]"#;
    run(&world, "script/root", "tokens=100", ops).await;
    until_waiting(&world, 4_000).await;
    let listing = Listing { limit: 5_000, ..Listing::default() };
    let rows = world.node.list(listing).await.expect("listed");
    let cancels = rows.iter().map(|row| world.node.cancel(&row.id, "enough", "test"));
    assert!(join_all(cancels).await.iter().all(Result::is_ok));
    until_waiting(&world, 0).await;
}
