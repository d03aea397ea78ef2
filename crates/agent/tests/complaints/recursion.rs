//! Delegation: what has no end is stopped, what is only large is not.

use crate::house::{House, models, server};
use greenroom_agent::{Agent, Definition};
use greenroom_runtime::Registry;
use greenroom_runtime::model::Status;
use greenroom_runtime::model::budget::Budget;
use serde_json::{Value, json};
use std::time::Duration;

/// Two agents, each of which may have the other do its work, so deep.
fn circle(server: &greenroom_agent::scripted::ScriptedServer, depth: u32) -> Registry {
    let mut alpha = Definition::new("alpha", "Alpha.");
    let mut beta = Definition::new("beta", "Beta.");
    alpha.limits.depth = depth;
    beta.limits.depth = depth;
    let registry =
        Agent::of(alpha.clone(), models(server)).leads(&[beta.clone()]).register(Registry::new());
    Agent::of(beta, models(server)).leads(&[alpha]).register(registry)
}

fn endless(usage: &Value) -> Value {
    let hand = |to: &str| json!([{"name": "agent", "arguments": {"agent": to, "task": "do it"}}]);
    json!([
        {"when": {"tool_result": ""}, "say": "I give up", "usage": usage},
        {"when": {"system": "Alpha"}, "tool_calls": hand("beta"), "usage": usage},
        {"when": {"system": "Beta"}, "tool_calls": hand("alpha"), "usage": usage},
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_circle_of_delegation_is_stopped_by_its_depth_and_the_model_is_told_why() {
    let server = server(&endless(&json!({"input": 10, "output": 5})));
    let house = House::new(circle(&server, 3));
    let id = house.start("alpha", &json!("do it")).await;
    assert_eq!(house.result(&id).await, "I give up");
    let (alphas, betas) = (house.count("alpha").await, house.count("beta").await);
    assert_eq!((alphas, betas), (2, 2), "the first, and three below it");
    assert_eq!(server.count(), 8);
    let told = server.requests().iter().any(|request| {
        request.body.to_string().contains("you stand 3 agents deep, and 3 is the most")
    });
    assert!(told);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_deep_recursion_is_stopped_by_the_budget_of_its_root() {
    let server = server(&endless(&json!({"input": 1000, "output": 1000})));
    let house = House::new(circle(&server, 1_000));
    let budget = Budget::default().tokens(30_000);
    let id = house.start_with("alpha", &json!("do it"), Some(budget)).await;
    // Who has no budget left waits for a person, with all that was done.
    while house.in_status(Status::Blocked).await == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let all = house.count("alpha").await + house.count("beta").await;
    assert!((5..=15).contains(&all), "{all} agents for 30,000 tokens, at 2,000 a call");
    assert!(server.count() <= 15, "{} calls", server.count());
    house.node.cancel_tree(&id, "too deep", "test").await.unwrap();
    assert_eq!(house.exit(&id).await.to_string(), "cancelled: too deep");
}

#[tokio::test(flavor = "multi_thread")]
async fn forty_sub_tasks_at_once_are_a_batch_and_no_loop() {
    let jobs: Vec<Value> = (0..40)
        .map(|n| json!({"name": "agent", "arguments": {"agent": "worker", "task": format!("part {n}")}}))
        .collect();
    let server = server(&json!([
        {"when": {"system": "Worker"}, "say": "fine", "delay_ms": 50},
        {"when": {"system": "Lead", "text": "all"}, "tool_calls": jobs},
        {"when": {"system": "Lead", "tool_result": "fine", "replies": 1}, "tool_calls": jobs},
        {"when": {"system": "Lead", "tool_result": "fine"}, "say": "eighty are done"},
    ]));
    let worker = Definition::new("worker", "Worker.");
    let registry = Agent::of(worker.clone(), models(&server)).register(Registry::new());
    let lead = Agent::new("lead", "Lead.", models(&server)).leads(&[worker]);
    let house = House::new(lead.register(registry));
    let id = house.start("lead", &json!("all")).await;
    assert_eq!(house.result(&id).await, "eighty are done");
    assert_eq!((house.count("worker").await, server.count()), (80, 83));
    assert!(server.open_peak() > 10, "beside each other: {} at most", server.open_peak());
}
