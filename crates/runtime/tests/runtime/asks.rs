//! Questions to people.

use crate::world::World;
use greenroom_runtime::model::{AskId, Op, Payload, Status};
use greenroom_runtime::{Ctx, Registry, RestartFrom};
use std::time::Duration;

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

/// Two people answer at the same moment, each the other way: only one may be
/// told that it counts.
#[tokio::test(flavor = "multi_thread")]
async fn of_answers_at_the_same_moment_one_is_taken() {
    let registry = Registry::new().kind("asker", |ctx: Ctx, _: ()| async move {
        ctx.ask::<String>("approval", "refund?").choices(["approve", "reject"]).await
    });
    let world = World::new(registry);
    for round in 0..20 {
        let id = world.start(&format!("asker/{round}"), "null").await;
        world.until(&id, Status::Asking).await;
        if round % 2 == 0 {
            world.node.pause(&id, "test").await.expect("told");
            world.until(&id, Status::Paused).await;
        }
        let ask = AskId { process: id.clone(), op: Op(1) };
        let answers = (0..6).map(|n| {
            let words = if n % 2 == 0 { "\"approve\"" } else { "\"reject\"" };
            let (node, ask) = (world.node.clone(), ask.clone());
            tokio::spawn(async move {
                let value = Payload::parse(words).expect("json");
                node.answer(&ask, value, "test").await.map(|()| words)
            })
        });
        let answers = futures_util::future::join_all(answers).await;
        let mut taken = Vec::new();
        for answer in answers {
            match answer.expect("no panic") {
                Ok(words) => taken.push(words),
                // Or it has gone on to its end meanwhile.
                Err(error) => assert!(["not_open", "ended"].contains(&error.code())),
            }
        }
        assert_eq!(taken.len(), 1, "{taken:?}");
        if round % 2 == 0 {
            world.node.resume(&id, "test").await.expect("told");
        }
        assert_eq!(world.result(&id).await, taken[0]);
    }
}
