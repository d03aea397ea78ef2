//! Envelopes: loops are stopped, deadlines only get shorter, and what a message
//! leads to goes back to its request.

use crate::world::{World, pause};
use greenroom_runtime::journal::{LetterListing, Memory, TraceListing};
use greenroom_runtime::model::{Event, Failure, ProcessId, Status, failure};
use greenroom_runtime::{Ctx, Node, NodeOptions, Registry};
use std::sync::Arc;
use std::time::Duration;

type Ran = Result<u64, Failure>;

fn short(registry: Registry) -> World {
    let store = Arc::new(Memory::new());
    let options = NodeOptions { hops_max: 50, ..NodeOptions::default() };
    let node = Node::start(store.clone(), registry, options).expect("starts");
    World { node, store }
}

/// Waits for a dead letter and gives back why it is one.
async fn letter(world: &World) -> (ProcessId, String, u32) {
    for _ in 0..2_000 {
        let listing = LetterListing { limit: 10, ..LetterListing::default() };
        if let Some(letter) = world.node.letters(listing).await.expect("read").pop() {
            return (letter.to, letter.reason, letter.hops);
        }
        pause(5).await;
    }
    panic!("nothing was given up");
}

async fn echo_itself(ctx: Ctx, first: bool) -> Ran {
    if first {
        ctx.send(&ctx.id(), "again", &0).await?;
    }
    let mut handled = 0;
    loop {
        let message = ctx.recv().await?;
        if &*message.topic == "stop" {
            return Ok(handled);
        }
        handled += 1;
        ctx.send(&ctx.id(), "again", &handled).await?;
    }
}

#[tokio::test]
async fn a_process_that_sends_to_itself_for_ever_is_stopped_and_goes_on() {
    let world = short(Registry::new().kind("loop", echo_itself));
    let id = world.start("loop/a", "true").await;
    let (to, reason, hops) = letter(&world).await;
    assert_eq!((to, hops), (id.clone(), 51));
    assert!(reason.starts_with(failure::TOO_MANY_HOPS), "{reason}");
    assert!(reason.contains("loop/a") && reason.contains("at most 50"), "{reason}");
    world.until(&id, Status::Receiving).await;
    // Sent again it is near its root: it goes round once more.
    let letters = world.node.letters(LetterListing { limit: 1, ..Default::default() }).await;
    let no = letters.expect("read")[0].no;
    world.node.requeue(&[no], None).await.expect("sent");
    assert_eq!(letter(&world).await.2, 51);
    world.until(&id, Status::Receiving).await;
    world.send(&id, "stop", "null").await;
    assert_eq!(world.result(&id).await, "101");
}

#[tokio::test]
async fn the_count_goes_on_over_a_crash_of_the_node() {
    let registry = || Registry::new().kind("loop", slowly);
    let world = short(registry());
    let id = world.start("loop/a", "null").await;
    pause(100).await;
    world.node.stop(Duration::from_secs(2)).await;
    let options = NodeOptions { hops_max: 50, ..NodeOptions::default() };
    let node = Node::start(world.store.clone(), registry(), options).expect("starts");
    let world = World { node, store: world.store };
    assert_eq!(letter(&world).await.2, 51);
    world.send(&id, "stop", "null").await;
    assert_eq!(world.result(&id).await, "50");
}

/// Works a while for each message before it sends the next one.
async fn slowly(ctx: Ctx, (): ()) -> Ran {
    let mut handled = 0;
    ctx.send(&ctx.id(), "again", &0).await?;
    loop {
        if &*ctx.recv().await?.topic == "stop" {
            return Ok(handled);
        }
        handled += 1;
        ctx.sleep(Duration::from_millis(5)).await?;
        ctx.send(&ctx.id(), "again", &handled).await?;
    }
}

async fn polite(ctx: Ctx, other: Option<ProcessId>) -> Ran {
    if let Some(other) = other {
        ctx.send(&other, "thanks", &"hello").await?;
    }
    let mut thanked = 0;
    loop {
        let message = ctx.recv().await?;
        if &*message.topic == "stop" {
            return Ok(thanked);
        }
        thanked += 1;
        if let Some(greenroom_runtime::model::Origin::Process(from)) = Some(message.from) {
            ctx.send(&from, "thanks", &"for your thanks").await?;
        }
    }
}

#[tokio::test]
async fn two_that_thank_each_other_for_ever_are_stopped() {
    let world = short(Registry::new().kind("polite", polite));
    let ann = world.start("polite/ann", "null").await;
    let bob = world.start("polite/bob", "\"polite/ann\"").await;
    let (_, reason, hops) = letter(&world).await;
    assert!(reason.starts_with(failure::TOO_MANY_HOPS) && hops == 51, "{reason}");
    assert!(reason.contains("polite/bob"), "it names the root: {reason}");
    for id in [&ann, &bob] {
        world.send(id, "stop", "null").await;
        assert_eq!(world.result(id).await, "25");
    }
}

async fn breeds(ctx: Ctx, (): ()) -> Ran {
    Ok(1 + ctx.spawn("breeds", &()).await?.join::<u64>().await.unwrap_or_default())
}

#[tokio::test]
async fn children_of_children_for_ever_are_stopped() {
    let world = short(Registry::new().kind("breeds", breeds));
    let id = world.start("breeds/a", "null").await;
    assert_eq!(world.result(&id).await, "51");
}

/// Calls itself by way of another, each time, for ever.
async fn relay(ctx: Ctx, next: ProcessId) -> Ran {
    loop {
        let call = ctx.recv().topic("call").await?;
        ctx.send(&next, "call", &()).await?;
        ctx.reply(&call, &ctx.envelope().hops)?;
    }
}

async fn calls_far(ctx: Ctx, (): ()) -> Result<String, Failure> {
    let me = ctx.id();
    // Walk away from the root, then call.
    ctx.send(&me, "far", &()).await?;
    while ctx.envelope().hops < 50 {
        ctx.recv().topic("far").await?;
        ctx.send(&me, "far", &()).await?;
    }
    let other = ProcessId::parse("relay/a").expect("an id");
    match ctx.call::<u32>(&other, "call", &()).await {
        Err(failure) => Ok(failure.kind.into_owned()),
        Ok(hops) => Ok(hops.to_string()),
    }
}

#[tokio::test]
async fn a_caller_too_far_from_its_root_is_told() {
    let registry = Registry::new().kind("relay", relay).kind("far", calls_far);
    let world = short(registry);
    world.start("relay/a", "\"relay/a\"").await;
    let id = world.start("far/a", "null").await;
    assert_eq!(world.result(&id).await, "\"too_many_hops\"");
}

async fn busy(ctx: Ctx, work_ms: u64) -> Ran {
    let mut done = 0;
    loop {
        let message = ctx.recv().await?;
        if &*message.topic == "stop" {
            return Ok(done);
        }
        ctx.sleep(Duration::from_millis(work_ms)).await?;
        done += 1;
        ctx.reply(&message, &done)?;
    }
}

async fn hurried(ctx: Ctx, (): ()) -> Result<Vec<String>, Failure> {
    let busy = ProcessId::parse("busy/a").expect("an id");
    let soon = ctx.now().after(Duration::from_millis(150));
    ctx.send(&busy, "work", &()).await?;
    ctx.send_before(soon, &busy, "too late", &()).await?;
    let called = ctx.call::<u64>(&busy, "work", &()).deadline(soon).await;
    let passed = ctx.call::<u64>(&busy, "work", &()).deadline(soon).await;
    let words = |called: Result<u64, Failure>| match called {
        Ok(done) => done.to_string(),
        Err(failure) => failure.kind.into_owned(),
    };
    Ok(vec![words(called), words(passed)])
}

#[tokio::test]
async fn what_nobody_wants_any_more_is_not_done() {
    let world = World::new(Registry::new().kind("busy", busy).kind("hurried", hurried));
    let server = world.start("busy/a", "400").await;
    let id = world.start("hurried/a", "null").await;
    assert_eq!(world.result(&id).await, "[\"deadline\",\"deadline\"]");
    let (to, reason, _) = letter(&world).await;
    assert_eq!(to, server);
    assert!(reason.starts_with("deadline: nobody wanted it after 20"), "{reason}");
    world.send(&server, "stop", "null").await;
    assert_eq!(world.result(&server).await, "1");
}

async fn grandchild(ctx: Ctx, (): ()) -> Result<[u64; 2], Failure> {
    let asked = ctx.now().after(Duration::from_secs(3600));
    let echo = ProcessId::parse("echo/a").expect("an id");
    let heard = ctx.call::<u64>(&echo, "deadline", &()).deadline(asked).await?;
    Ok([ctx.envelope().deadline.unwrap_or_default().0, heard])
}

async fn tells_deadline(ctx: Ctx, (): ()) -> Ran {
    let message = ctx.recv().await?;
    ctx.reply(&message, &ctx.envelope().deadline)?;
    // Done with it: what comes now is its own affair.
    let rest = ctx.recv().timeout(Duration::from_millis(20)).await;
    assert!(rest.is_err());
    Ok(ctx.envelope().deadline.map_or(0, |deadline| deadline.0))
}

async fn parent(ctx: Ctx, until: u64) -> Result<[u64; 2], Failure> {
    let until = greenroom_runtime::model::Millis(until);
    ctx.spawn("grandchild", &()).deadline(until).await?.join().await
}

#[tokio::test]
async fn a_child_can_only_shorten_a_deadline() {
    let registry = Registry::new()
        .kind("parent", parent)
        .kind("grandchild", grandchild)
        .kind("echo", tells_deadline);
    let world = World::new(registry);
    let until = 4_000_000_000_000_u64;
    let echo = world.start("echo/a", "null").await;
    let id = world.start("parent/a", &until.to_string()).await;
    let told = world.result(&id).await;
    let told: [u64; 2] = serde_json::from_str(&told).expect("two");
    assert!(told[0] == until && told[1] < until, "{told:?}");
    assert_eq!(world.result(&echo).await, "0");
}

async fn serves(ctx: Ctx, (): ()) -> Result<Vec<String>, Failure> {
    let mut roots = vec![ctx.envelope().root];
    for _ in 0..2 {
        ctx.recv().await?;
        roots.push(ctx.envelope().root);
        let spawned = ctx.spawn("tells", &()).await?;
        roots.push(spawned.join().await?);
    }
    Ok(roots)
}

async fn tells(ctx: Ctx, (): ()) -> Result<String, Failure> {
    let envelope = ctx.envelope();
    let cause = envelope.cause.expect("a server spawned it").process;
    Ok(format!("{} {cause}", envelope.root))
}

async fn asks_for(ctx: Ctx, server: ProcessId) -> Ran {
    ctx.send(&server, "work", &()).await?;
    Ok(0)
}

#[tokio::test]
async fn what_a_message_leads_to_goes_back_to_its_root() {
    let registry =
        Registry::new().kind("serves", serves).kind("tells", tells).kind("client", asks_for);
    let world = World::new(registry);
    let server = world.start("serves/a", "null").await;
    for client in ["client/one", "client/two"] {
        let id = world.start(client, "\"serves/a\"").await;
        world.result(&id).await;
        pause(30).await;
    }
    let roots = world.result(&server).await;
    let expected =
        r#"["serves/a","client/one","client/one serves/a","client/two","client/two serves/a"]"#;
    assert_eq!(roots, expected);
    // Nothing is added where a message is of the process's own request.
    let plain = |event: &Event| matches!(event, Event::MessageReceived { envelope, .. } if envelope.is_none());
    assert!(!world.events(&server).await.iter().any(plain));
    let own = World::new(Registry::new().kind("busy", busy));
    let id = own.start("busy/a", "0").await;
    own.send(&id, "stop", "null").await;
    own.result(&id).await;
    assert!(own.events(&id).await.iter().any(plain));
}

#[tokio::test]
async fn a_trace_tells_what_one_request_caused_and_nothing_else() {
    let registry =
        Registry::new().kind("serves", serves).kind("tells", tells).kind("client", asks_for);
    let world = World::new(registry);
    let server = world.start("serves/a", "null").await;
    for client in ["client/one", "client/two"] {
        let id = world.start(client, "\"serves/a\"").await;
        world.result(&id).await;
        pause(30).await;
    }
    world.result(&server).await;
    let listing = TraceListing { root: "client/one".into(), after: None, limit: 100 };
    let turns = world.node.trace(listing).await.expect("read");
    let told: Vec<String> = turns
        .iter()
        .flat_map(|turn| turn.events.iter().map(|event| format!("{} {}", turn.id, event.name())))
        .collect();
    let place = |wanted: &str| told.iter().position(|one| one.starts_with(wanted));
    let order = [
        place("client/one WorkflowStarted"),
        place("client/one MessageSent"),
        place("serves/a MessageReceived"),
        place("serves/a ProcessSpawned"),
        place("tells/"),
        place("serves/a ProcessExited"),
    ];
    assert!(order.is_sorted() && !order.contains(&None), "{order:?} {told:#?}");
    assert!(!told.iter().any(|one| one.contains("client/two")), "{told:#?}");
    assert_eq!(told.iter().filter(|one| one.ends_with("MessageReceived")).count(), 1);
    let none = TraceListing { root: "client/none".into(), after: None, limit: 100 };
    let error = world.node.trace(none).await.expect_err("nothing is there").to_string();
    assert!(error.contains("client/none"), "{error}");
}
