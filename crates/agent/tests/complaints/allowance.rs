//! What agents below a lead may use up: each its own, and never more than is left above.

use crate::house::{House, models, server, told};
use greenroom_agent::definition::Allowance;
use greenroom_agent::scripted::ScriptedServer;
use greenroom_agent::{Agent, Definition};
use greenroom_model::ProcessId;
use greenroom_runtime::Registry;
use greenroom_runtime::journal::Listing;
use greenroom_runtime::model::budget::Budget;
use serde_json::{Value, json};

/// An agent of this name whose replies are short, and what each it starts may use up.
fn brief(name: &str, prompt: &str, child: Option<u64>) -> Definition {
    let mut definition = Definition::new(name, prompt);
    definition.tokens_max = 100;
    definition.limits.child = Allowance { tokens: child, money: None };
    definition
}

/// A lead, whose agents may have others work for them.
fn three(server: &ScriptedServer, lead: Definition, middle: Definition) -> Registry {
    let below = brief("below", "Below.", None);
    let registry = Agent::of(below.clone(), models(server)).asks().register(Registry::new());
    let registry =
        Agent::of(middle.clone(), models(server)).asks().leads(&[below]).register(registry);
    Agent::of(lead, models(server)).leads(&[middle]).register(registry)
}

async fn of_kind(house: &House, kind: &str) -> ProcessId {
    let all = house.node.list(Listing { limit: 100, ..Listing::default() }).await.unwrap();
    all.iter().find(|row| *row.kind.name == *kind).unwrap().id.clone()
}

async fn tokens(house: &House, id: &ProcessId) -> u64 {
    house.node.budget(id).await.unwrap().accounts[0].spent.tokens
}

/// The first ask of an agent starts one below it, in the background.
fn start(system: &str, agent: &str) -> Value {
    let arguments = json!({"agent": agent, "task": "work"});
    json!({"when": {"system": system, "replies": 0},
        "tool_calls": [{"name": "start_agent", "arguments": arguments}]})
}

fn hundred() -> Value {
    json!({"input": 90, "output": 10})
}

/// What the child has left is no more than its question has cost, and the lead's call
/// of its model takes more than that.
#[tokio::test(flavor = "multi_thread")]
async fn a_lead_that_hears_a_question_thinks_at_its_own_cost() {
    for budget in [None, Some(Budget::default().tokens(1_000_000))] {
        let ask = json!([{"name": "ask", "arguments": {"question": "which colour?"}}]);
        let server = server(&json!([
            start("Lead", "middle"),
            {"when": {"system": "Lead", "text": "which colour?"}, "for_each": "agent (\\S+) asks;",
             "tool_calls": [{"name": "answer_agent", "arguments": {"id": "$1", "message": "blue"}}]},
            {"when": {"system": "Lead", "text": "has finished"}, "say": "done"},
            {"when": {"system": "Lead"}, "say": "I wait"},
            {"when": {"system": "Middle", "replies": 0}, "tool_calls": ask, "usage": hundred()},
            {"when": {"system": "Middle"}, "say": "a blue page", "usage": hundred()},
        ]));
        let lead = Definition { tokens_max: 5_000, ..brief("lead", "Lead.", Some(2_000)) };
        let house = House::new(three(&server, lead, brief("middle", "Middle.", None)));
        let id = house.start_with("lead", &json!("work"), budget).await;
        assert_eq!(house.result(&id).await, "done");
        assert_eq!(tokens(&house, &of_kind(&house, "middle").await).await, 200);
    }
}

/// A lead's words do not bring its larger budget along.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_is_told_something_has_no_more_than_its_allowance() {
    let server = server(&json!([
        start("Lead", "middle"),
        {"when": {"system": "Lead", "tool_result": "middle/"}, "for_each": "(middle/[^\"]+)",
         "tool_calls": [{"name": "tell_agent", "arguments": {"id": "$1", "message": "go on"}}]},
        {"when": {"system": "Lead", "text": "has not finished"}, "say": "it broke"},
        {"when": {"system": "Lead"}, "say": "I wait"},
        {"when": {"system": "Middle"}, "delay_ms": 20, "usage": hundred(),
         "tool_calls": [{"name": "report", "arguments": {"progress": "on"}}]},
    ]));
    let mut middle = brief("middle", "Middle.", None);
    middle.limits.repeats = 1_000;
    let house = House::new(three(&server, brief("lead", "Lead.", Some(1_500)), middle));
    let budget = Some(Budget::default().tokens(1_000_000));
    let id = house.start_with("lead", &json!("work"), budget).await;
    assert_eq!(house.result(&id).await, "it broke");
    let told = told(&server, "user");
    assert!(told.iter().any(|one| one.to_string().contains("budget")), "{told:?}");
    assert!((500..=1_500).contains(&tokens(&house, &of_kind(&house, "middle").await).await));
}
