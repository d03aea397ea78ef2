//! Messages, calls and children.

use crate::world::{Ran, World};
use greenroom_runtime::model::{Exit, Failure, Payload};
use greenroom_runtime::{
    Child, Ctx, KindOptions, Mailbox, Registry, SendRequest, join_all, select_all, try_join_all,
};
use std::time::Duration;

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

/// Lets its mailbox fill, and waits for a reply and a child behind all that.
async fn buried(ctx: Ctx, _: ()) -> Result<(u64, u64), Failure> {
    let echo = greenroom_runtime::model::ProcessId::parse("echo/a")?;
    ctx.recv().topic("begin").await?;
    let reply = ctx.call::<u64>(&echo, "say", &7).await?;
    let child = ctx.spawn("child", &()).await?.join::<u64>().await?;
    ctx.set("heard", &(reply, child))?;
    ctx.recv().topic("never").await?;
    Ok((reply, child))
}

#[tokio::test(flavor = "multi_thread")]
async fn control_passes_a_mailbox_full_of_messages() {
    let bounds = Mailbox { messages_max: 500, ..Mailbox::default() };
    let options = KindOptions { mailbox: bounds, ..KindOptions::default() };
    let registry = Registry::new()
        .kind("buried", buried)
        .kind("child", |_: Ctx, _: ()| async move { Ok::<_, Failure>(1_u64) })
        .kind("echo", |ctx: Ctx, _: ()| async move {
            let message = ctx.recv().await?;
            ctx.reply(&message, &message.read::<u64>()?)?;
            Ok::<_, Failure>(0)
        })
        .with_options("buried", options);
    let world = World::new(registry);
    world.start("echo/a", "null").await;
    let id = world.start("buried/a", "null").await;
    world.send(&id, "begin", "null").await;
    let noise = || SendRequest { topic: "noise".into(), body: Payload::null(), by: "test".into() };
    // Until it is full.
    while world.node.send(&id, noise()).await.is_ok() {}
    for _ in 0..2_000 {
        if !world.node.state(&id).await.expect("read").is_empty() {
            break;
        }
        crate::world::pause(5).await;
    }
    world.node.cancel(&id, "enough", "test").await.expect("told");
    assert_eq!(world.failure(&id).await, "cancelled: enough");
    let state = world.node.state(&id).await.expect("read");
    assert_eq!(state[0].value.to_string(), "[7,1]");
}
