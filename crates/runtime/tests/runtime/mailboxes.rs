//! Full mailboxes: senders wait for room, are turned away, or old messages go.

use crate::world::{Ran, World, pause};
use greenroom_runtime::journal::{Listing, Memory};
use greenroom_runtime::model::{AskId, Event, Failure, Payload, ProcessId, Status};
use greenroom_runtime::{
    Ctx, Either, KindOptions, Mailbox, Node, NodeOptions, Overflow, Registry, SendRequest, select,
};
use std::sync::Arc;
use std::time::Duration;

const ROOM: usize = 100;
/// What may come between a mailbox being full and its senders knowing: a turn of
/// each that is under way.
const SLACK: usize = 600;
/// What a send that is given up leaves behind.
const GIVEN_UP: [&str; 4] = ["SendBlocked", "TimerStarted", "TimerFired", "OperationDropped"];

type Job = (ProcessId, u64);

/// Waits for a person, then takes so many numbers: from each sender in order.
async fn sink(ctx: Ctx, count: u64) -> Ran {
    ctx.ask::<bool>("open", "open it?").await?;
    let (mut sum, mut last) = (0, std::collections::BTreeMap::new());
    for _ in 0..count {
        let message = ctx.recv().topic("n").await?;
        let n: u64 = message.read()?;
        let before = last.insert(message.from.to_string(), n);
        if before.is_some_and(|before| before >= n) {
            return Err(Failure::msg(format!("{n} came after {before:?}")));
        }
        sum += n;
    }
    Ok(sum)
}

async fn source(ctx: Ctx, (to, count): Job) -> Ran {
    for n in 1..=count {
        ctx.send(&to, "n", &n).await?;
    }
    Ok(count)
}

async fn impatient(ctx: Ctx, (to, count): Job) -> Ran {
    for n in 1..=count {
        match select(ctx.send(&to, "n", &n), ctx.sleep(Duration::from_millis(50))).await {
            Either::Left(sent) => sent?,
            Either::Right(slept) => {
                slept?;
                return Ok(n - 1);
            }
        }
    }
    Ok(count)
}

fn registry(messages_max: usize, overflow: Overflow) -> Registry {
    let mailbox = Mailbox { messages_max, overflow, ..Mailbox::default() };
    Registry::new()
        .kind("sink", sink)
        .kind("source", source)
        .kind("impatient", impatient)
        .kind("own", |ctx: Ctx, _: ()| async move {
            for n in 0..10_000_u64 {
                if let Err(failure) = ctx.send(&ctx.id(), "n", &n).await {
                    return Ran::Err(failure);
                }
            }
            Ok(0)
        })
        .kind(
            "caller",
            |ctx: Ctx, to: ProcessId| async move { ctx.call::<u64>(&to, "n", &1).await },
        )
        .with_options("sink", KindOptions { mailbox: mailbox.clone(), ..KindOptions::default() })
        .with_options("own", KindOptions { mailbox, ..KindOptions::default() })
}

async fn open(world: &World, id: &ProcessId) {
    for _ in 0..1_000 {
        if let Some(ask) = world.node.asks(Some(id)).await.expect("reads").pop() {
            let ask = AskId { process: ask.process, op: ask.op };
            let yes = Payload::parse("true").expect("json");
            return world.node.answer(&ask, yes, "test").await.expect("answered");
        }
        pause(5).await;
    }
    panic!("{id} asks nothing");
}

/// How many messages lie in its mailbox.
fn lying(world: &World, id: &ProcessId) -> usize {
    use greenroom_runtime::journal::{Journal, Scope};
    let row = world.store.find(id).expect("reads").expect("is there");
    world.store.load(row.no, Scope::Segment).expect("reads").expect("is there").mailbox.len()
}

async fn outside(world: &World, id: &ProcessId) -> Result<(), greenroom_runtime::Error> {
    let body = Payload::parse("7").expect("json");
    let request = SendRequest { topic: "n".into(), body, by: "test".into() };
    world.node.send(id, request).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_mailbox_suspends_its_sender() {
    let world = World::new(registry(ROOM, Overflow::Suspend));
    let sink = world.start("sink/1", "3000").await;
    let source = world.start("source/1", r#"["sink/1",3000]"#).await;
    world.until(&source, Status::Blocked).await;
    pause(50).await;
    let before = lying(&world, &sink);
    assert!((ROOM..ROOM + SLACK).contains(&before), "{before} messages lie there");
    let full = world.node.health().full_mailboxes;
    assert_eq!((full[0].id.to_string().as_str(), full[0].blocked), ("sink/1", 1));
    let refused = outside(&world, &sink).await.expect_err("it is full");
    assert_eq!((refused.code(), refused.http_status()), ("mailbox_full", 429));
    // The node goes and comes again: still nobody is let in, and nothing is lost.
    let world = world.deploy(registry(ROOM, Overflow::Suspend)).await;
    pause(1_300).await;
    let after = lying(&world, &sink);
    assert_eq!(after, before, "somebody was let in");
    open(&world, &sink).await;
    assert_eq!(world.result(&sink).await, (3_000 * 3_001 / 2).to_string());
    assert_eq!(world.result(&source).await, "3000");
    assert!(world.node.health().full_mailboxes.is_empty());
    assert!(world.node.dead(1).await.expect("reads").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn many_senders_take_turns() {
    let world = World::new(registry(10, Overflow::Suspend));
    let sink = world.start("sink/1", "1000").await;
    for n in 0..100 {
        world.start(&format!("source/{n}"), r#"["sink/1",10]"#).await;
    }
    pause(200).await;
    let before = lying(&world, &sink);
    open(&world, &sink).await;
    assert_eq!(world.result(&sink).await, (100 * 55).to_string());
    // One of each may have been on its way when it filled.
    assert!(before <= 10 + 100 * 10 / 2, "{before} messages lay there");
    let listing = Listing { kind: Some("source".into()), limit: 300, ..Listing::default() };
    for row in world.node.list(listing).await.expect("listed") {
        world.result(&row.id).await;
    }
    assert!(world.node.health().full_mailboxes.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_send_that_waits_can_be_given_up() {
    let world = World::new(registry(1, Overflow::Suspend));
    let sink = world.start("sink/1", "2").await;
    let impatient = world.start("impatient/1", r#"["sink/1",1000]"#).await;
    let sent: u64 = world.result(&impatient).await.parse().expect("a number");
    assert!(sent < 1_000, "{sent} sent");
    let names = world.names(&impatient).await;
    assert_eq!(names[names.len() - 5..names.len() - 1], GIVEN_UP);
    assert_eq!(lying(&world, &sink) as u64, sent);
    // What waits can be cancelled, and replays.
    let source = world.start("source/2", r#"["sink/1",1000]"#).await;
    world.until(&source, Status::Blocked).await;
    for id in [&impatient, &source] {
        let rehearsal = world.node.rehearse(id).await.expect("rehearsed");
        assert!(rehearsal.divergence.is_none(), "{:?}", rehearsal.divergence);
    }
    world.node.cancel(&source, "enough", "test").await.expect("told");
    assert_eq!(world.failure(&source).await, "cancelled: enough");
    // Who waits for a process that ends goes on; what it sends reaches nobody.
    let third = world.start("source/3", r#"["sink/1",20]"#).await;
    world.until(&third, Status::Blocked).await;
    world.node.kill(&sink, "enough", "test").await.expect("told");
    assert_eq!(world.result(&third).await, "20");
    assert!(world.node.health().full_mailboxes.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_can_refuse() {
    let world = World::new(registry(10, Overflow::Refuse));
    let sink = world.start("sink/1", "10").await;
    world.until(&sink, Status::Asking).await;
    let source = world.start("source/1", r#"["sink/1",10000]"#).await;
    let failure = world.failure(&source).await;
    assert!(failure.contains("the mailbox of sink/1 is full"), "{failure}");
    let caller = world.start("caller/1", "\"sink/1\"").await;
    assert!(world.failure(&caller).await.contains("is full"));
    assert!(world.names(&caller).await.contains(&"SendRefused"));
    let refused = outside(&world, &sink).await.expect_err("it is full");
    assert_eq!(refused.code(), "mailbox_full");
    // It went wrong once, and does so again on replay.
    let rehearsal = world.node.rehearse(&source).await.expect("rehearsed");
    assert!(rehearsal.divergence.is_none(), "{:?}", rehearsal.divergence);
    // Control is never refused.
    open(&world, &sink).await;
    world.result(&sink).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_its_own_mailbox() {
    let world = World::new(registry(10, Overflow::Suspend));
    let own = world.start("own/1", "null").await;
    assert!(world.failure(&own).await.contains("the mailbox of own/1 is full"));
}

#[tokio::test(flavor = "multi_thread")]
async fn old_messages_of_marked_topics_make_room() {
    let overflow = Overflow::DropOldest { topics: vec!["n".into()] };
    let world = World::new(registry(10, overflow));
    let sink = world.start("sink/1", "10").await;
    world.until(&sink, Status::Asking).await;
    let caller = world.start("caller/1", "\"sink/1\"").await;
    world.until(&caller, Status::Joining).await;
    let source = world.start("source/1", r#"["sink/1",2000]"#).await;
    assert_eq!(world.result(&source).await, "2000", "nobody waited");
    assert!(world.failure(&caller).await.contains("made room for newer ones"));
    open(&world, &sink).await;
    assert_eq!(world.result(&sink).await, (1_991..=2_000).sum::<u64>().to_string());
    assert_eq!(world.node.health().dropped, 1_991);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_senders_wait_over_every_restart() {
    let registry = || registry(5, Overflow::Suspend);
    let mut world = World::new(registry());
    let sink = world.start("sink/1", "2000").await;
    let mut sources = Vec::new();
    for n in 0..20 {
        sources.push(world.start(&format!("source/{n}"), r#"["sink/1",100]"#).await);
    }
    for source in &sources {
        // One that had sent all before it was seen to be full is done.
        while !matches!(
            world.node.process(source).await.expect("found").status,
            Status::Blocked | Status::Completed
        ) {
            pause(5).await;
        }
    }
    let before = lying(&world, &sink);
    for _ in 0..2 {
        // They look again within a second: here, as soon as the node is back.
        pause(1_100).await;
        world = world.deploy(registry()).await;
        pause(200).await;
        assert_eq!(lying(&world, &sink), before, "somebody was let in");
    }
    open(&world, &sink).await;
    assert_eq!(world.result(&sink).await, (20 * 100 * 101 / 2).to_string());
    assert!(world.node.health().full_mailboxes.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_given_up_holds_up_nobody() {
    let world = World::new(registry(1, Overflow::Suspend));
    let sink = world.start("sink/1", "2").await;
    world.until(&sink, Status::Asking).await;
    outside(&world, &sink).await.expect("there is room for one");
    let mut gone = Vec::new();
    for n in 0..25 {
        gone.push(world.start(&format!("impatient/{n}"), r#"["sink/1",1]"#).await);
    }
    for id in &gone {
        assert_eq!(world.result(id).await, "0");
    }
    let patient = world.start("source/1", r#"["sink/1",1]"#).await;
    world.until(&patient, Status::Blocked).await;
    let began = std::time::Instant::now();
    open(&world, &sink).await;
    assert_eq!(world.result(&patient).await, "1");
    // One look at the mailbox is a second; each of them would have cost one.
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

/// A publish reaches full mailboxes too; the next one waits for them.
#[tokio::test(flavor = "multi_thread")]
async fn who_publishes_to_a_full_mailbox_waits_before_the_next() {
    async fn listener(ctx: Ctx, count: u64) -> Ran {
        ctx.join_group("all")?;
        ctx.ask::<bool>("open", "open it?").await?;
        for n in 1..=count {
            let got: u64 = ctx.recv().topic("news").await?.read()?;
            if got != n {
                return Err(Failure::msg(format!("{got}, not {n}")));
            }
        }
        Ok(count)
    }
    async fn speaker(ctx: Ctx, count: u64) -> Ran {
        for n in 1..=count {
            ctx.publish_to_group("all", "news", &n).await?;
        }
        Ok(count)
    }
    let mailbox = Mailbox { messages_max: 20, ..Mailbox::default() };
    let options = KindOptions { mailbox, ..KindOptions::default() };
    let registry = || {
        Registry::new()
            .kind("listener", listener)
            .kind("speaker", speaker)
            .with_options("listener", options.clone())
    };
    let world = World::new(registry());
    let listeners =
        [world.start("listener/1", "500").await, world.start("listener/2", "500").await];
    for id in &listeners {
        world.until(id, Status::Asking).await;
    }
    let speaker = world.start("speaker/1", "500").await;
    world.until(&speaker, Status::Blocked).await;
    let lying_there = lying(&world, &listeners[0]);
    assert!((20..30).contains(&lying_there), "{lying_there}");
    let rehearsal = world.node.rehearse(&speaker).await.expect("rehearsed");
    assert!(rehearsal.divergence.is_none(), "{:?}", rehearsal.divergence);
    let world = world.deploy(registry()).await;
    for id in &listeners {
        open(&world, id).await;
    }
    for id in listeners.iter().chain([&speaker]) {
        assert_eq!(world.result(id).await, "500");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_marked_has_room_while_something_can_be_dropped() {
    let overflow = Overflow::DropOldest { topics: vec!["noise".into()] };
    let world = World::new(registry(10, overflow));
    let sink = world.start("sink/1", "1").await;
    world.until(&sink, Status::Asking).await;
    for _ in 0..10 {
        let noise = SendRequest {
            topic: "noise".into(),
            body: Payload::parse("7").expect("json"),
            by: "test".into(),
        };
        world.node.send(&sink, noise).await.expect("sent");
    }
    // It is measured by then.
    pause(100).await;
    outside(&world, &sink).await.expect("noise makes room");
    open(&world, &sink).await;
    assert_eq!(world.result(&sink).await, "7");
}

#[test]
fn impossible_limits_are_refused() {
    for (mailbox, words) in [
        (Mailbox { messages_max: 0, ..Mailbox::default() }, "a mailbox limit of 0"),
        (Mailbox { bytes_max: 0, ..Mailbox::default() }, "a mailbox limit of 0"),
        (
            Mailbox { overflow: Overflow::DropOldest { topics: vec![] }, ..Mailbox::default() },
            "without a topic",
        ),
        (
            Mailbox {
                overflow: Overflow::DropOldest { topics: vec!["a>".into()] },
                ..Mailbox::default()
            },
            "a segment of its own",
        ),
    ] {
        let options = KindOptions { mailbox, ..KindOptions::default() };
        let registry = Registry::new().kind("sink", sink).with_options("sink", options);
        let refused = Node::start(Arc::new(Memory::new()), registry, NodeOptions::default());
        let refused = refused.err().expect("cannot be").to_string();
        assert!(refused.contains(words), "{refused}");
    }
}

/// Sends wait between two commits of the same turn's work as well.
#[tokio::test(flavor = "multi_thread")]
async fn a_storm_is_committed_as_it_goes() {
    let registry = registry(1_000_000, Overflow::Suspend);
    let world = World::new(registry);
    let source = world.start("source/1", r#"["sink/none",5000]"#).await;
    assert_eq!(world.result(&source).await, "5000");
    let turns = world
        .node
        .history(&source, greenroom_runtime::journal::Scope::Whole)
        .await
        .expect("history");
    let most = turns.iter().map(|turn| turn.events.len()).max();
    assert!(most <= Some(SLACK), "{most:?} events in a turn");
    let blocked = world.events(&source).await.into_iter();
    assert!(blocked.filter(|event| matches!(event, Event::SendBlocked { .. })).count() > 10);
}
