//! Budgets: what a request may use up, with all that comes of it, and what
//! happens when it is used up.

use crate::world::{World, pause};
use greenroom_runtime::model::budget::{Account, Budget, Spend};
use greenroom_runtime::model::{Exit, Failure, Origin, Payload, ProcessId, Status, failure};
use greenroom_runtime::{Ctx, Error, Registry, StartRequest};
use std::time::Duration;

type Ran = Result<u64, Failure>;

fn messages(messages: u64) -> Budget {
    Budget::default().messages(messages)
}

async fn start(world: &World, id: &str, input: &str, budget: Budget) -> ProcessId {
    let id: ProcessId = id.parse().expect("an id");
    let request = StartRequest {
        kind: id.kind().into(),
        key: Some(id.key().into()),
        input: Payload::parse(input).expect("json"),
        budget: Some(budget),
        by: "test".into(),
    };
    assert!(world.node.start_process(request).await.expect("started").created);
    id
}

async fn account(world: &World, id: &ProcessId) -> Account {
    world.node.budget(id).await.expect("read").accounts.remove(0)
}

async fn spent(world: &World, id: &ProcessId) -> u64 {
    account(world, id).await.spent.messages
}

/// Waits until so much of a budget is used up.
async fn until_spent(world: &World, id: &ProcessId, messages: u64) {
    for _ in 0..2_000 {
        if spent(world, id).await == messages {
            return;
        }
        pause(5).await;
    }
    panic!("{:#?} and not {messages}", account(world, id).await);
}

/// Waits until nobody does anything and somebody waits for more.
async fn rests(world: &World) {
    for _ in 0..2_000 {
        let health = world.node.health();
        if !health.budgets.is_empty() && health.ready == 0 && health.committing == 0 {
            return;
        }
        pause(5).await;
    }
    panic!("{:#?}", world.node.health());
}

/// Sends itself a message for each that it takes.
async fn echo(ctx: Ctx, _: ()) -> Ran {
    ctx.send(&ctx.id(), "again", &0).await?;
    for handled in 1.. {
        if &*ctx.recv().await?.topic == "stop" {
            return Ok(handled);
        }
        ctx.set("handled", &handled)?;
        ctx.send(&ctx.id(), "again", &handled).await?;
    }
    Ok(0)
}

#[tokio::test]
async fn a_loop_stops_with_its_budget_and_goes_on_with_more() {
    let world = World::new(Registry::new().kind("echo", echo));
    let id = start(&world, "echo/1", "null", messages(20)).await;
    until_spent(&world, &id, 20).await;
    world.until(&id, Status::Blocked).await;
    let report = world.node.budget(&id).await.expect("read");
    assert_eq!((report.accounts.len(), report.waiting), (1, 1));
    assert_eq!(world.node.health().budgets[0].account.id, id);
    // It stays so, over a crash of the node too.
    let world = world.deploy(Registry::new().kind("echo", echo)).await;
    pause(100).await;
    assert_eq!((spent(&world, &id).await, world.names(&id).await.len()), (20, 62));
    let report = world.node.raise_budget(&id, messages(5)).await.expect("raised");
    assert_eq!(report.accounts[0].limits, messages(25));
    until_spent(&world, &id, 25).await;
    world.until(&id, Status::Blocked).await;
    assert!(world.node.health().budgets[0].waiting == 1);
    // What comes in is taken as always.
    world.node.cancel(&id, "enough", "test").await.expect("cancelled");
    assert!(matches!(world.exit(&id).await, Exit::Cancelled(_)));
}

/// Thanks whoever wrote, for ever.
async fn polite(ctx: Ctx, _: ()) -> Ran {
    loop {
        let message = ctx.recv().await?;
        if let Origin::Process(from) = &message.from {
            ctx.send(from, "thanks", &0).await?;
        }
    }
}

async fn host(ctx: Ctx, guests: u64) -> Ran {
    for _ in 0..guests {
        let guest = ctx.spawn("polite", &()).await?;
        ctx.send(guest.id(), "hello", &0).await?;
    }
    polite(ctx, ()).await
}

#[tokio::test]
async fn a_politeness_loop_stops_with_all_that_take_part() {
    let world = World::new(Registry::new().kind("polite", polite).kind("host", host));
    let id = start(&world, "host/1", "3", messages(100)).await;
    until_spent(&world, &id, 100).await;
    rests(&world).await;
    assert_eq!(spent(&world, &id).await, 100);
}

/// Tells all about each news, which is news.
async fn gossip(ctx: Ctx, _: ()) -> Ran {
    ctx.subscribe("news")?;
    loop {
        ctx.recv().await?;
        ctx.publish("news", &0).await?;
    }
}

async fn village(ctx: Ctx, size: u64) -> Ran {
    for _ in 0..size {
        ctx.spawn("gossip", &()).await?;
    }
    ctx.recv().await?;
    ctx.publish("news", &0).await
}

#[tokio::test]
async fn a_broadcast_cascade_stops_with_its_budget() {
    let registry = || Registry::new().kind("gossip", gossip).kind("village", village);
    let world = World::new(registry());
    let id = start(&world, "village/1", "20", messages(500)).await;
    until_spent(&world, &id, 20).await;
    world.send(&id, "begin", "null").await;
    until_spent(&world, &id, 500).await;
    rests(&world).await;
    let world = world.deploy(registry()).await;
    pause(100).await;
    assert_eq!(spent(&world, &id).await, 500);
    world.node.raise_budget(&id, messages(30)).await.expect("raised");
    until_spent(&world, &id, 530).await;
}

/// A child that uses up as much as it is told, of as much as it is given.
async fn worker(ctx: Ctx, count: u64) -> Ran {
    for _ in 0..count {
        ctx.send(&ctx.parent().expect("a parent"), "done", &0).await?;
    }
    ctx.recv().topic("go").await?;
    Ok(count)
}

async fn boss(ctx: Ctx, _: ()) -> Ran {
    let first = ctx.spawn("worker", &3).key("1").budget(messages(40)).await?;
    let second = ctx.spawn("worker", &1).key("2").budget(messages(40)).await?;
    ctx.set("both", &true)?;
    let third = ctx.spawn("worker", &2).key("3").budget(messages(30)).linked().await?;
    let mut done = 0;
    for worker in [first, second, third] {
        done += worker.join::<u64>().await?;
    }
    Ok(done)
}

#[tokio::test]
async fn a_childs_budget_is_set_aside_and_what_is_left_comes_back() {
    let world = World::new(Registry::new().kind("worker", worker).kind("boss", boss));
    let id = start(&world, "boss/1", "null", messages(100)).await;
    let (one, two): (ProcessId, ProcessId) =
        ("worker/1".parse().expect("an id"), "worker/2".parse().expect("an id"));
    world.until(&id, Status::Blocked).await;
    until_spent(&world, &one, 3).await;
    let boss = account(&world, &id).await;
    assert_eq!((boss.spent.messages, boss.reserved.messages), (2, 80));
    // The first ends: what it has not used up is enough for the third.
    world.send(&one, "go", "null").await;
    let three: ProcessId = "worker/3".parse().expect("an id");
    world.until(&three, Status::Receiving).await;
    let boss = account(&world, &id).await;
    assert_eq!((boss.spent.messages, boss.reserved.messages), (6, 70));
    assert!(account(&world, &one).await.closed);
    world.send(&two, "go", "null").await;
    world.send(&three, "go", "null").await;
    assert_eq!(world.result(&id).await, "6");
    let boss = account(&world, &id).await;
    assert_eq!((boss.spent.messages, boss.reserved.messages), (9, 0));
    // What was given to nobody's child comes from nobody.
    let raised = world.node.raise_budget(&one, messages(1)).await.expect_err("has ended");
    assert!(raised.to_string().contains("went back to boss/1"), "{raised}");
}

async fn rich_child(ctx: Ctx, _: ()) -> Ran {
    let child = ctx.spawn("echo", &()).key("poor").budget(messages(5)).await?;
    child.join().await
}

#[tokio::test]
async fn who_has_no_budget_can_give_one() {
    let world = World::new(Registry::new().kind("rich_child", rich_child).kind("echo", echo));
    let parent = world.start("rich_child/1", "null").await;
    let child: ProcessId = "echo/poor".parse().expect("an id");
    world.until(&child, Status::Blocked).await;
    assert_eq!(account(&world, &child).await.parent, None);
    assert_eq!(spent(&world, &child).await, 5);
    assert!(world.node.budget(&parent).await.expect("read").accounts.is_empty());
    let none = world.node.raise_budget(&parent, messages(1)).await.expect_err("has none");
    assert!(matches!(none, Error::BadRequest(_)), "{none}");
}

/// A service for all: what it does for somebody that one's budget pays.
async fn service(ctx: Ctx, _: ()) -> Ran {
    loop {
        let message = ctx.recv().await?;
        match ctx.send(&"sink/1".parse()?, "work", &0).await {
            Ok(()) => ctx.reply(&message, &true)?,
            Err(failure) => ctx.reply_failure(&message, failure),
        }
    }
}

async fn sink(ctx: Ctx, _: ()) -> Ran {
    loop {
        ctx.recv().await?;
    }
}

async fn client(ctx: Ctx, calls: u64) -> Ran {
    for _ in 0..calls {
        ctx.call::<bool>(&"service/1".parse()?, "serve", &0).await?;
    }
    Ok(calls)
}

#[tokio::test]
async fn a_service_is_paid_by_whom_it_serves_and_outlives_their_budget() {
    let registry =
        Registry::new().kind("service", service).kind("sink", sink).kind("client", client);
    let world = World::new(registry);
    let (service, sink) =
        (world.start("service/1", "null").await, world.start("sink/1", "null").await);
    let poor = start(&world, "client/poor", "9", messages(5)).await;
    let failed = world.failure(&poor).await;
    assert!(failed.contains(failure::BUDGET) && failed.contains("client/poor"), "{failed}");
    assert_eq!(spent(&world, &poor).await, 5);
    let rich = start(&world, "client/rich", "9", messages(18)).await;
    assert_eq!(world.result(&rich).await, "9");
    assert_eq!(spent(&world, &rich).await, 18);
    for id in [service, sink] {
        world.until(&id, Status::Receiving).await;
        assert!(world.node.budget(&id).await.expect("read").accounts.is_empty());
    }
}

/// Calls a model that takes tokens.
async fn thinker(ctx: Ctx, calls: u64) -> Ran {
    let mut used = 0;
    for _ in 0..calls {
        let reserved = ctx.reserve(Spend::tokens(100)).await?;
        let tokens = ctx.step("think", |_| async { Ok::<_, Failure>(30) }).await?;
        reserved.settle(Spend::tokens(tokens));
        used += tokens;
    }
    match ctx.try_reserve(Spend::tokens(1_000)) {
        Err(failure) if failure.is(failure::BUDGET) => {}
        other => return Err(Failure::msg(format!("{other:?}"))),
    }
    ctx.charge(Spend::money_micro(2_500))?;
    Ok(used)
}

#[tokio::test]
async fn tokens_are_reserved_before_they_are_used() {
    let world = World::new(Registry::new().kind("thinker", thinker));
    let budget = Budget::default().tokens(250);
    let id = start(&world, "thinker/1", "9", budget).await;
    // After six calls of 30 there are 70 left: the seventh might need 100.
    world.until(&id, Status::Blocked).await;
    assert_eq!(account(&world, &id).await.spent, Spend::tokens(180));
    world.node.raise_budget(&id, Budget::default().tokens(1_000)).await.expect("raised");
    assert_eq!(world.result(&id).await, "270");
    let spent = account(&world, &id).await.spent;
    assert_eq!((spent.tokens, spent.money_micro), (270, 2_500));
    let no_limit = world.node.raise_budget(&id, messages(1)).await.expect_err("no limit");
    assert_eq!(no_limit.to_string(), "thinker/1 has no limit on messages");
}

async fn many(ctx: Ctx, _: ()) -> Ran {
    let children = (0..8).map(|_| ctx.spawn("one", &()));
    let mut sum = 0;
    for child in greenroom_runtime::try_join_all(children).await? {
        sum += child.join::<u64>().await?;
    }
    Ok(sum)
}

async fn one(ctx: Ctx, _: ()) -> Ran {
    let reserved = ctx.reserve(Spend::tokens(100)).await?;
    ctx.sleep(Duration::from_millis(20)).await?;
    reserved.settle(Spend::tokens(10));
    Ok(10)
}

#[tokio::test]
async fn who_waits_goes_on_when_something_comes_back() {
    let world = World::new(Registry::new().kind("many", many).kind("one", one));
    let id = start(&world, "many/1", "null", Budget::default().tokens(200)).await;
    assert_eq!(world.result(&id).await, "80");
    assert_eq!(account(&world, &id).await.spent, Spend { messages: 8, tokens: 80, money_micro: 0 });
}

#[tokio::test]
async fn a_fork_uses_up_the_budget_of_its_origin() {
    let world = World::new(Registry::new().kind("echo", echo));
    let id = start(&world, "echo/1", "null", messages(10)).await;
    world.until(&id, Status::Blocked).await;
    let fork = world.node.fork(&id, None, Some("twin"), "test").await.expect("forked");
    world.until(&fork, Status::Blocked).await;
    assert_eq!(spent(&world, &fork).await, 10);
    world.node.raise_budget(&id, messages(4)).await.expect("raised");
    until_spent(&world, &id, 14).await;
    let own = world.node.raise_budget(&fork, messages(1)).await.expect_err("not its own");
    assert!(own.to_string().contains("that of echo/1 pays"), "{own}");
}

async fn hoarder(ctx: Ctx, tokens: u64) -> Ran {
    ctx.reserve(Spend::tokens(tokens)).await?.settle(Spend::tokens(tokens));
    Ok(tokens)
}

/// Waits for more than there is, and does not wait for ever.
async fn impatient(ctx: Ctx, ms: u64) -> Ran {
    let more = Box::pin(ctx.reserve(Spend::tokens(1_000)));
    match select_all_of_two(&ctx, more, ms).await? {
        true => Ok(1),
        false => Ok(0),
    }
}

async fn select_all_of_two(
    ctx: &Ctx,
    more: impl Future<Output = Result<greenroom_runtime::Reserved, Failure>>,
    ms: u64,
) -> Result<bool, Failure> {
    match greenroom_runtime::select(more, ctx.sleep(Duration::from_millis(ms))).await {
        greenroom_runtime::Either::Left(got) => got.map(|_| true),
        greenroom_runtime::Either::Right(slept) => slept.map(|()| false),
    }
}

/// Starts some under its budget, each by its kind and input.
async fn group(ctx: Ctx, members: Vec<(String, u64)>) -> Ran {
    let mut children = Vec::new();
    for (kind, input) in &members {
        children.push(ctx.spawn(kind, input).key(format!("{kind}{input}")).await?);
    }
    let mut sum = 0;
    for child in children {
        sum += child.join::<u64>().await.unwrap_or(0);
    }
    Ok(sum)
}

fn waiting() -> Registry {
    Registry::new().kind("hoarder", hoarder).kind("impatient", impatient).kind("group", group)
}

#[tokio::test]
async fn who_waits_still_hears_its_timers() {
    let world = World::new(waiting());
    let id = start(&world, "impatient/1", "1500", Budget::default().tokens(100)).await;
    assert_eq!(world.result(&id).await, "0");
    assert!(world.node.health().budgets.is_empty(), "nobody waits");
}

#[tokio::test]
async fn who_gave_up_holds_up_nobody() {
    let world = World::new(waiting());
    let members = r#"[["impatient",300],["hoarder",150]]"#;
    let id = start(&world, "group/1", members, Budget::default().tokens(100)).await;
    let (gone, left): (ProcessId, ProcessId) =
        ("impatient/impatient300".parse().expect("id"), "hoarder/hoarder150".parse().expect("id"));
    world.until(&left, Status::Blocked).await;
    assert_eq!(world.result(&gone).await, "0");
    assert_eq!(world.node.health().budgets[0].waiting, 1);
    world.node.raise_budget(&id, Budget::default().tokens(100)).await.expect("raised");
    assert_eq!(world.result(&id).await, "150");
    // Nor one that is cancelled.
    let members = r#"[["hoarder",80],["hoarder",90],["hoarder",70]]"#;
    let id = start(&world, "group/2", members, Budget::default().tokens(60)).await;
    let first: ProcessId = "hoarder/hoarder80".parse().expect("id");
    world.until(&first, Status::Blocked).await;
    world.until(&"hoarder/hoarder70".parse().expect("id"), Status::Blocked).await;
    world.node.cancel(&first, "enough", "test").await.expect("told");
    assert!(matches!(world.exit(&first).await, Exit::Cancelled(_)));
    world.node.raise_budget(&id, Budget::default().tokens(15)).await.expect("raised");
    assert_eq!(world.result(&"hoarder/hoarder70".parse().expect("id")).await, "70");
}

async fn talker(ctx: Ctx, _: u64) -> Ran {
    ctx.send(&"sink/1".parse()?, "word", &0).await?;
    ctx.send(&"sink/1".parse()?, "word", &0).await?;
    Ok(1)
}

#[tokio::test]
async fn who_waits_for_something_else_holds_up_nobody() {
    let world = World::new(waiting().kind("talker", talker).kind("sink", sink));
    world.start("sink/1", "null").await;
    let budget = Budget::default().tokens(10).messages(3);
    let id = start(&world, "group/1", r#"[["hoarder",50],["talker",1]]"#, budget).await;
    let talker: ProcessId = "talker/talker1".parse().expect("id");
    world.until(&"hoarder/hoarder50".parse().expect("id"), Status::Blocked).await;
    world.until(&talker, Status::Blocked).await;
    world.node.raise_budget(&id, messages(5)).await.expect("raised");
    assert_eq!(world.result(&talker).await, "1");
    // What was short first need not be what is short now.
    let narrow = |ctx: Ctx, _: ()| async move {
        let budget = Budget::default().tokens(50);
        ctx.spawn("both", &()).key("b").budget(budget).await?.join::<u64>().await
    };
    let both = |ctx: Ctx, _: ()| async move {
        let amount = Spend { tokens: 100, money_micro: 1_000_000, messages: 0 };
        ctx.reserve(amount).await?.settle(amount);
        Ran::Ok(7)
    };
    let world = World::new(Registry::new().kind("narrow", narrow).kind("both", both));
    let budget = Budget::default().tokens(50).money_micro(500_000);
    let id = start(&world, "narrow/1", "null", budget).await;
    let child: ProcessId = "both/b".parse().expect("id");
    world.until(&child, Status::Blocked).await;
    world.node.raise_budget(&child, Budget::default().tokens(50)).await.expect("raised");
    pause(50).await;
    world.node.raise_budget(&id, Budget::default().money_micro(500_000)).await.expect("raised");
    assert_eq!(world.result(&id).await, "7");
}

/// Reserves, calls a model that fails the first times, and settles either way.
async fn careful(ctx: Ctx, fails: u64) -> Ran {
    ctx.charge(Spend::tokens(500))?;
    let reserved = ctx.reserve(Spend::tokens(100)).await?;
    let failures = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let asked = failures.clone();
    let thought = ctx
        .step("think", move |step| {
            let (key, asked) = (step.key().to_owned(), asked.clone());
            async move {
                asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                match std::fs::read_to_string(std::env::temp_dir().join(key.replace('/', "_"))) {
                    Ok(_) => Ok(30),
                    Err(_) => Err(Failure::fatal("down", "not yet")),
                }
            }
        })
        .retry(greenroom_runtime::model::Retry::never());
    match thought.await {
        Ok(tokens) => {
            reserved.settle(Spend::tokens(tokens));
            Ok(fails)
        }
        Err(failure) => {
            reserved.settle(Spend::default());
            Err(failure)
        }
    }
}

#[tokio::test]
async fn what_came_back_does_not_come_back_again() {
    use greenroom_runtime::RestartFrom;
    let world = World::new(Registry::new().kind("careful", careful));
    let id = start(&world, "careful/1", "0", Budget::default().tokens(1_000)).await;
    assert!(world.failure(&id).await.contains("down"));
    assert_eq!(account(&world, &id).await.spent.tokens, 500);
    for restarts in 1..=3 {
        world.node.restart(&id, RestartFrom::Failure, "test").await.expect("restarted");
        let done = |names: Vec<&str>| {
            let count = |name| names.iter().filter(|one| **one == name).count();
            (count("Restarted"), count("WorkflowFailed")) == (restarts, restarts + 1)
        };
        while !done(world.names(&id).await) {
            pause(5).await;
        }
        assert_eq!(account(&world, &id).await.spent.tokens, 500);
    }
    // A fork has paid nothing in advance: nothing comes back to it.
    let events = world.events(&id).await;
    let step = events.iter().position(|event| event.name() == "StepStarted").expect("a step");
    let at = greenroom_runtime::model::Seq(step as u64 + 1);
    let fork = world.node.fork(&id, Some(at), Some("twin"), "test").await.expect("forked");
    assert!(world.failure(&fork).await.contains("down"));
    assert_eq!(account(&world, &id).await.spent.tokens, 500);
}

/// Takes money in advance for one, and settles while it handles another's message.
async fn mixer(ctx: Ctx, _: ()) -> Ran {
    ctx.recv().topic("work").await?;
    let reserved = ctx.reserve(Spend::tokens(100)).await?;
    ctx.recv().topic("tick").await?;
    reserved.settle(Spend::default());
    Ok(0)
}

async fn poke(ctx: Ctx, topic: String) -> Ran {
    ctx.charge(Spend::tokens(100))?;
    ctx.send(&"mixer/1".parse()?, &topic, &0).await?;
    Ok(0)
}

#[tokio::test]
async fn what_comes_back_comes_to_who_has_paid() {
    let world = World::new(Registry::new().kind("mixer", mixer).kind("poke", poke));
    let mixer = world.start("mixer/1", "null").await;
    let rich = start(&world, "poke/rich", "\"work\"", Budget::default().tokens(500)).await;
    world.result(&rich).await;
    while account(&world, &rich).await.spent.tokens != 200 {
        pause(5).await;
    }
    let other = start(&world, "poke/other", "\"tick\"", Budget::default().tokens(500)).await;
    assert_eq!(world.result(&mixer).await, "0");
    assert_eq!(account(&world, &other).await.spent.tokens, 100);
    assert_eq!(account(&world, &rich).await.spent.tokens, 100);
}

/// Passes on what its child reports: on its own account, not on the child's.
async fn listening(ctx: Ctx, reports: u64) -> Ran {
    let child = ctx.spawn("reporter", &reports).key("r").budget(messages(reports)).await?;
    for _ in 0..reports {
        ctx.recv().topic("report").await?;
        ctx.send(&"sink/1".parse()?, "relayed", &0).await?;
    }
    child.join().await
}

async fn reporter(ctx: Ctx, reports: u64) -> Ran {
    for number in 0..reports {
        ctx.send(&ctx.parent().expect("a parent"), "report", &number).await?;
    }
    Ok(reports)
}

#[tokio::test]
async fn who_listens_to_its_children_pays_itself() {
    let registry =
        Registry::new().kind("listening", listening).kind("reporter", reporter).kind("sink", sink);
    let world = World::new(registry);
    world.start("sink/1", "null").await;
    let id = start(&world, "listening/1", "5", messages(100)).await;
    assert_eq!(world.result(&id).await, "5");
    let child: ProcessId = "reporter/r".parse().expect("an id");
    assert_eq!((spent(&world, &child).await, spent(&world, &id).await), (5, 11));
}

/// What cleans up does not wait for anybody.
async fn tidy(ctx: Ctx, _: ()) -> Ran {
    let more = ctx.reserve(Spend::tokens(1_000)).await;
    ctx.send(&"sink/1".parse()?, "undo", &0).await?;
    more.map(|_| 0)
}

#[tokio::test]
async fn cleaning_up_is_always_paid() {
    let world = World::new(Registry::new().kind("tidy", tidy).kind("sink", sink));
    world.start("sink/1", "null").await;
    let id = start(&world, "tidy/1", "null", Budget::default().messages(0).tokens(0)).await;
    world.until(&id, Status::Blocked).await;
    world.node.cancel(&id, "enough", "test").await.expect("told");
    assert!(matches!(world.exit(&id).await, Exit::Cancelled(_)));
    assert_eq!(spent(&world, &id).await, 1);
}
