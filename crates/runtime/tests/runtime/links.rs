//! Links, trapped exits and monitors that are dropped.

use crate::world::{Ran, World};
use greenroom_runtime::model::{Exit, Failure, ProcessId, Status};
use greenroom_runtime::{Ctx, Either, Registry, select};
use std::time::Duration;

fn id(text: &str) -> ProcessId {
    text.parse().expect("an id")
}

/// Ends as its messages say.
async fn mate(ctx: Ctx, links: Vec<String>) -> Ran {
    for other in &links {
        ctx.link(&id(other))?;
    }
    loop {
        let message = ctx.recv().await?;
        match message.topic.as_str() {
            "fail" => return Err(Failure::msg("broken")),
            "done" => return Ok(1),
            "link" => ctx.link(&message.read()?)?,
            "unlink" => ctx.unlink(&message.read()?),
            "trap" => ctx.trap_exit(message.read()?)?,
            "again" => return ctx.continue_as_new(&Vec::<String>::new()),
            "exits" => {
                let (id, exit) = ctx.recv_exit().await?;
                ctx.set("heard", &format!("{id} {exit}"))?;
            }
            other => panic!("no topic {other}"),
        }
    }
}

fn world() -> World {
    World::new(Registry::new().kind("mate", mate).kind("waiter", waiter).kind("parent", parent))
}

/// Monitors, and thinks better of it.
async fn waiter(ctx: Ctx, other: String) -> Ran {
    for _ in 0..2 {
        let end = select(ctx.monitor(&id(&other)), ctx.sleep(Duration::from_millis(20))).await;
        if let Either::Left(exit) = end {
            panic!("it has not ended: {exit:?}");
        }
    }
    ctx.recv().topic("go").await?;
    match ctx.monitor(&id(&other)).await? {
        Exit::Normal(value) => Ok(value.read()?),
        other => Err(Failure::msg(other.to_string())),
    }
}

async fn parent(ctx: Ctx, _: ()) -> Ran {
    let child = ctx.spawn("mate", &Vec::<String>::new()).key("child").linked().await?;
    let exit = child.exit().await?;
    ctx.recv().await?;
    Err(Failure::msg(format!("went on after {exit}")))
}

async fn chain(world: &World) -> [ProcessId; 3] {
    let first = world.start("mate/1", "[]").await;
    let second = world.start("mate/2", r#"["mate/1"]"#).await;
    let third = world.start("mate/3", r#"["mate/2"]"#).await;
    for one in [&first, &second, &third] {
        world.until(one, Status::Receiving).await;
    }
    [first, second, third]
}

#[tokio::test(flavor = "multi_thread")]
async fn all_along_a_chain_end_with_the_words_of_the_first() {
    let world = world();
    let [first, second, third] = chain(&world).await;
    world.send(&third, "fail", "null").await;
    assert_eq!(world.failure(&third).await, "error: broken");
    let words = "error: linked: mate/3 ended: error: broken";
    assert_eq!(world.failure(&second).await, words);
    assert_eq!(world.failure(&first).await, words);
    assert!(world.names(&first).await.contains(&"LinkReceived"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_normal_end_ends_nobody_else() {
    let world = world();
    let [first, second, third] = chain(&world).await;
    world.send(&second, "done", "null").await;
    assert_eq!(world.result(&second).await, "1");
    for other in [first, third] {
        world.send(&other, "done", "null").await;
        assert_eq!(world.result(&other).await, "1");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trapped_exit_is_a_message_and_links_last_over_segments() {
    let world = world();
    let [first, second, third] = chain(&world).await;
    world.send(&second, "trap", "true").await;
    world.send(&second, "again", "null").await;
    world.send(&second, "exits", "null").await;
    world.send(&third, "fail", "null").await;
    world.failure(&third).await;
    world.send(&second, "exits", "null").await;
    world.send(&first, "done", "null").await;
    world.result(&first).await;
    world.send(&second, "done", "null").await;
    assert_eq!(world.result(&second).await, "1");
    let heard = world.node.state(&second).await.expect("there");
    assert_eq!(heard[0].value.to_string(), "\"mate/1 normal\"");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_traps_no_longer_ends_of_what_it_has_not_taken() {
    let world = world();
    let [_, second, third] = chain(&world).await;
    world.send(&second, "trap", "true").await;
    world.until(&second, Status::Receiving).await;
    world.send(&third, "fail", "null").await;
    world.failure(&third).await;
    world.send(&second, "trap", "false").await;
    assert_eq!(world.failure(&second).await, "error: linked: mate/3 ended: error: broken");
}

#[tokio::test(flavor = "multi_thread")]
async fn either_takes_a_link_away() {
    let world = world();
    let [first, second, third] = chain(&world).await;
    world.send(&first, "unlink", "\"mate/2\"").await;
    world.send(&third, "unlink", "\"mate/2\"").await;
    for one in [&first, &third] {
        world.until(one, Status::Receiving).await;
    }
    world.send(&second, "fail", "null").await;
    world.failure(&second).await;
    for other in [first, third] {
        world.send(&other, "done", "null").await;
        assert_eq!(world.result(&other).await, "1");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_to_nobody_ends_as_noproc() {
    let world = world();
    let alone = world.start("mate/alone", r#"["mate/none"]"#).await;
    let words = "error: no_process: linked to mate/none, which has ended or never was";
    assert_eq!(world.failure(&alone).await, words);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_linked_child_takes_its_parent_along() {
    let world = world();
    let parent = world.start("parent/1", "null").await;
    world.until(&id("mate/child"), Status::Receiving).await;
    world.node.kill(&id("mate/child"), "enough", "test").await.expect("killed");
    let words = "error: linked: mate/child ended: killed: enough";
    assert_eq!(world.failure(&parent).await, words);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_monitor_watches_no_more() {
    let world = world();
    let other = world.start("mate/other", "[]").await;
    let waiter = world.start("waiter/1", "\"mate/other\"").await;
    world.until(&waiter, Status::Receiving).await;
    world.send(&other, "done", "null").await;
    world.result(&other).await;
    world.send(&waiter, "go", "null").await;
    assert_eq!(world.result(&waiter).await, "1");
    let heard = world.names(&waiter).await;
    assert_eq!(heard.iter().filter(|name| **name == "ProcessExited").count(), 1, "{heard:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_goes_on_from_before_the_linked_end() {
    let world = world();
    let [_, second, third] = chain(&world).await;
    world.send(&third, "fail", "null").await;
    world.failure(&second).await;
    let from = greenroom_runtime::RestartFrom::Failure;
    world.node.restart(&second, from, "test").await.expect("restarted");
    world.until(&second, Status::Receiving).await;
    world.send(&second, "done", "null").await;
    assert_eq!(world.result(&second).await, "1");
}
