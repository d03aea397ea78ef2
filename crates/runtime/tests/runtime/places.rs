//! Names, groups, topics.

use crate::world::{Ran, World};
use greenroom_runtime::model::{Failure, Payload, Place, ProcessId, Status};
use greenroom_runtime::{Ctx, PublishRequest, Registry};
use std::time::Duration;

/// Does what its messages say, and shows what came of it.
async fn actor(ctx: Ctx, _: ()) -> Ran {
    loop {
        let message = ctx.recv().await?;
        let text = || message.read::<String>();
        let shown = match message.topic.as_str() {
            "register" => words(ctx.register(&text()?).await),
            "unregister" => {
                ctx.unregister(&text()?);
                words(Ok(()))
            }
            "whereis" => words(ctx.whereis(&text()?).await),
            "to-name" => words(ctx.send_to_name(&text()?, "hello", "you").await),
            "join" => words(ctx.join_group(&text()?)),
            "leave" => {
                ctx.leave_group(&text()?);
                words(Ok(()))
            }
            "members" => words(ctx.members(&text()?).await),
            "to-one" => words(ctx.send_to_one(&text()?, "hello", "one").await),
            "to-all" => words(ctx.publish_to_group(&text()?, "hello", "all").await),
            "subscribe" => words(ctx.subscribe(&text()?)),
            "unsubscribe" => {
                ctx.unsubscribe(&text()?);
                words(Ok(()))
            }
            "publish" => words(ctx.publish(&text()?, "news").await),
            "children" => words(ctx.children().await),
            "spawn" => words(ctx.spawn("actor", &()).key(text()?).await.map(|_| ())),
            "again" => return ctx.continue_as_new(&()),
            "fail" => return Err(Failure::msg("broken")),
            "done" => return Ok(1),
            _ => format!("{} {}", message.topic, message.body),
        };
        ctx.set("shown", &shown)?;
    }
}

fn words<T: serde::Serialize>(result: Result<T, Failure>) -> String {
    match result {
        Ok(value) => Payload::of(&value).expect("json").to_string(),
        Err(failure) => failure.to_string(),
    }
}

/// Waits for three events.
async fn listener(ctx: Ctx, _: ()) -> Result<Vec<String>, Failure> {
    let mut heard = Vec::new();
    for _ in 0..3 {
        heard.push(ctx.on_event("orders.*.created").await?.topic.to_string());
    }
    let bad = ctx.on_event("orders.>.created").timeout(Duration::from_secs(1)).await;
    heard.push(bad.expect_err("refused").kind.to_string());
    Ok(heard)
}

fn registry() -> Registry {
    Registry::new().kind("actor", actor).kind("listener", listener)
}

async fn actors<const N: usize>(world: &World, names: [&str; N]) -> [ProcessId; N] {
    for name in names {
        world.start(&format!("actor/{name}"), "null").await;
    }
    names.map(|name| ProcessId::new("actor", name).expect("valid"))
}

/// Has an actor do something, and waits for what came of it.
async fn told(world: &World, who: &ProcessId, topic: &str, body: &str) -> String {
    let before = sets(world, who).await;
    world.send(who, topic, &format!("\"{body}\"")).await;
    for _ in 0..2_000 {
        if sets(world, who).await > before {
            return shown(world, who).await;
        }
        crate::world::pause(5).await;
    }
    panic!("{who} never did {topic}");
}

async fn sets(world: &World, who: &ProcessId) -> usize {
    world.names(who).await.iter().filter(|name| **name == "StateSet").count()
}

async fn shown(world: &World, who: &ProcessId) -> String {
    let state = world.node.state(who).await.expect("there");
    state.first().map(|entry| entry.value.read().expect("text")).unwrap_or_default()
}

async fn until_shown(world: &World, who: &ProcessId, wanted: &str) {
    for _ in 0..2_000 {
        if shown(world, who).await == wanted {
            return;
        }
        crate::world::pause(5).await;
    }
    panic!("{who} never showed {wanted}, but {}", shown(world, who).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_one_process_s_until_its_end() {
    let world = World::new(registry());
    let [a, b] = actors(&world, ["a", "b"]).await;
    assert_eq!(told(&world, &a, "register", "pricing").await, "null");
    let taken = "already_registered: actor/a has the name pricing";
    assert_eq!(told(&world, &b, "register", "pricing").await, taken);
    let odd = told(&world, &b, "register", "two words").await;
    assert!(odd.starts_with("bad_name: "), "{odd}");
    assert_eq!(told(&world, &b, "whereis", "pricing").await, "\"actor/a\"");
    assert_eq!(told(&world, &b, "whereis", "nobody").await, "null");
    assert_eq!(told(&world, &b, "to-name", "pricing").await, "\"actor/a\"");
    until_shown(&world, &a, "hello \"you\"").await;
    assert_eq!(world.node.named("pricing").await.expect("there"), a);
    // It lasts over segments, and a node.
    world.send(&a, "again", "null").await;
    let world = world.deploy(registry()).await;
    assert_eq!(told(&world, &b, "register", "pricing").await, taken);
    world.send(&a, "done", "null").await;
    world.result(&a).await;
    assert_eq!(told(&world, &b, "register", "pricing").await, "null");
    assert_eq!(told(&world, &b, "unregister", "pricing").await, "null");
    assert_eq!(world.node.named("pricing").await.expect_err("free").code(), "no_name");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_who_is_in_it() {
    let world = World::new(registry());
    let [a, b, c] = actors(&world, ["a", "b", "c"]).await;
    for one in [&a, &b] {
        assert_eq!(told(&world, one, "join", "workers").await, "null");
    }
    assert_eq!(told(&world, &c, "members", "workers").await, "[\"actor/a\",\"actor/b\"]");
    assert_eq!(told(&world, &c, "to-all", "workers").await, "2");
    for one in [&a, &b] {
        until_shown(&world, one, "hello \"all\"").await;
    }
    assert_eq!(told(&world, &b, "leave", "workers").await, "null");
    assert_eq!(told(&world, &c, "to-one", "workers").await, "\"actor/a\"");
    world.node.kill(&a, "enough", "test").await.expect("killed");
    world.failure(&a).await;
    assert_eq!(told(&world, &c, "members", "workers").await, "[]");
    let none = "no_process: no process is in the group workers";
    assert_eq!(told(&world, &c, "to-one", "workers").await, none);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_comes_to_each_subscriber_once() {
    let world = World::new(registry());
    let [a, b, c] = actors(&world, ["a", "b", "c"]).await;
    for pattern in ["orders.>", "orders.*.created", "orders.1.created"] {
        assert_eq!(told(&world, &a, "subscribe", pattern).await, "null");
    }
    assert_eq!(told(&world, &b, "subscribe", "orders.*.paid").await, "null");
    assert_eq!(told(&world, &c, "publish", "orders.1.created").await, "1");
    until_shown(&world, &a, "orders.1.created \"news\"").await;
    assert_eq!(told(&world, &c, "publish", "orders.1.paid").await, "2");
    until_shown(&world, &b, "orders.1.paid \"news\"").await;
    assert!(told(&world, &c, "publish", "orders.*").await.starts_with("bad_name: "));
    assert!(told(&world, &c, "subscribe", "a..b").await.starts_with("bad_name: "));
    // From outside, once for a key.
    let node = world.node.once("k").expect("a key");
    let request = || PublishRequest {
        topic: "orders.2.paid".into(),
        group: None,
        body: Payload::null(),
        by: "test".into(),
    };
    for _ in 0..2 {
        assert_eq!(node.publish(request()).await.expect("published"), 2);
    }
    until_shown(&world, &b, "orders.2.paid null").await;
    assert_eq!(told(&world, &a, "unsubscribe", "orders.>").await, "null");
    assert_eq!(told(&world, &c, "publish", "orders.2.paid").await, "1");
    let heard = world.events(&a).await;
    let heard = heard.iter().filter(|event| format!("{event:?}").contains("orders.2.paid"));
    assert_eq!(heard.count(), 2, "one message, and what was shown of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_awaited() {
    let world = World::new(registry());
    let listener = world.start("listener/1", "null").await;
    world.until(&listener, Status::Receiving).await;
    let [a] = actors(&world, ["a"]).await;
    for order in 1..=3 {
        assert_eq!(told(&world, &a, "publish", &format!("orders.{order}.created")).await, "1");
    }
    let heard = "[\"orders.1.created\",\"orders.2.created\",\"orders.3.created\",\"bad_name\"]";
    assert_eq!(world.result(&listener).await, heard);
    assert_eq!(told(&world, &a, "publish", "orders.4.created").await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_restarted_is_where_it_was_if_nobody_else_is() {
    let world = World::new(registry());
    let [a, b] = actors(&world, ["a", "b"]).await;
    for (topic, text) in [("register", "x"), ("register", "y"), ("join", "g"), ("subscribe", "t")] {
        assert_eq!(told(&world, &a, topic, text).await, "null");
    }
    world.send(&a, "fail", "null").await;
    world.failure(&a).await;
    assert_eq!(told(&world, &b, "register", "x").await, "null");
    // Before it took the message that it failed on.
    let seq = world.node.process(&a).await.expect("there").seq.0 - 2;
    let from = greenroom_runtime::RestartFrom::At(greenroom_runtime::model::Seq(seq));
    world.node.restart(&a, from, "test").await.expect("restarted");
    for _ in 0..2_000 {
        if !world.node.places(Place::Group("g".into()), 9).await.expect("read").is_empty() {
            break;
        }
        crate::world::pause(5).await;
    }
    let mut found = Vec::new();
    for sort in [Place::Name, Place::Group, Place::Topic] {
        let rows = world.node.places(sort(String::new()), 9).await.expect("read");
        found.extend(rows.iter().map(|row| format!("{} {}", row.place, row.process.key())));
    }
    assert_eq!(found, ["name x b", "name y a", "group g a", "topic t a"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_knows_its_children() {
    let world = World::new(registry());
    let [a] = actors(&world, ["a"]).await;
    for child in ["c1", "c2"] {
        assert_eq!(told(&world, &a, "spawn", child).await, "null");
    }
    assert_eq!(told(&world, &a, "children", "").await, "[\"actor/c1\",\"actor/c2\"]");
    let first: ProcessId = "actor/c1".parse().expect("valid");
    world.send(&first, "done", "null").await;
    world.result(&first).await;
    assert_eq!(told(&world, &a, "children", "").await, "[\"actor/c2\"]");
    let above = world.node.ancestors(&first).await.expect("read");
    assert_eq!(above.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["actor/a"]);
}
