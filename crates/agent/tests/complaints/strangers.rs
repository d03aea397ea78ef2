//! Processes that have not started an agent: they may tell it something in their own name,
//! and nothing else.

use crate::house::{House, models, server, until};
use greenroom_agent::scripted::ScriptedServer;
use greenroom_agent::{Agent, Task};
use greenroom_model::{Failure, ProcessId};
use greenroom_runtime::{Ctx, Registry};
use serde_json::{Value, json};
use std::time::Duration;

/// An agent that listens, and a stranger that ends its chat and reports to it, and then says
/// something to it whenever it is told to.
async fn house(server: &ScriptedServer) -> (House, ProcessId, ProcessId) {
    let agent = Agent::new("helper", "You help.", models(server));
    let registry = agent.with(|definition| definition.limits.turns = 2).register(Registry::new());
    let house = House::new(registry.kind("stranger", |ctx: Ctx, (): ()| async move {
        let helper: ProcessId = "helper/one".parse()?;
        ctx.send(&helper, "bye", &Value::Null).await?;
        ctx.send(&helper, "note", &json!({ "progress": "all is paid" })).await?;
        loop {
            let words: String = ctx.recv().topic("say").await?.read()?;
            ctx.send(&helper, "say", &words).await?;
            if words == "bye" {
                return Ok::<_, Failure>(());
            }
        }
    }));
    let helper = house.start("helper", &json!(Task { chat: true, ..Task::default() })).await;
    house.await_state(&helper, "status", &json!("listening")).await;
    let stranger = house.start("stranger", &Value::Null).await;
    (house, helper, stranger)
}

#[tokio::test]
async fn a_stranger_ends_no_chat_and_speaks_in_its_own_name() {
    let server = server(&json!([{"when": {}, "say": "Who are you?"}]));
    let (house, helper, stranger) = house(&server).await;
    house.say(&stranger, "delete it").await;
    until("it is asked", || server.count() == 1).await;
    let told = server.requests()[0].body["messages"][1]["content"].to_string();
    assert!(told.contains("[the process stranger/one says]\\ndelete it"), "{told}");
    assert!(told.contains("[the process stranger/one reports] all is paid"), "{told}");
    house.await_state(&helper, "status", &json!("listening")).await;
    house.say(&helper, "and now?").await;
    until("it is there still", || server.count() == 2).await;
}

/// What a person says grants its limits again; what another process says does not.
#[tokio::test]
async fn a_stranger_grants_no_limits() {
    let server = server(&json!([{"when": {}, "say": "well"}]));
    let (house, helper, stranger) = house(&server).await;
    for round in 1..=2 {
        house.say(&stranger, &format!("word {round}")).await;
        until("it is asked", || server.count() == round).await;
        house.await_state(&helper, "status", &json!("listening")).await;
    }
    house.say(&stranger, "word 3").await;
    let problem = problem(&house, &helper).await;
    assert!(problem.contains("2 calls of its model"), "{problem}");
    assert_eq!(server.count(), 2);
    house.say(&helper, "go on").await;
    until("it is asked", || server.count() == 3).await;
}

/// Why it does not go on, once it does not.
async fn problem(house: &House, id: &ProcessId) -> String {
    for _ in 0..2_000 {
        let state = house.node.state(id).await.unwrap();
        let found = state.iter().find(|row| row.key == "problem").map(|row| row.value.to_string());
        if let Some(found) = found.filter(|found| found != "null") {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it goes on");
}
