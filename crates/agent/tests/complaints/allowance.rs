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
    let mut below = brief("below", "Below.", None);
    below.limits.repeats = 1_000;
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

/// What the lead's budget has allotted to the one in the middle, that may allot below.
fn allotted(middle: Option<u64>) -> (Definition, Definition) {
    (brief("lead", "Lead.", Some(9_000)), brief("middle", "Middle.", middle))
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_allots_more_than_it_has_left() {
    let server = server(&json!([
        start("Lead", "middle"),
        {"when": {"system": "Lead", "text": "has finished"}, "say": "done"},
        {"when": {"system": "Lead"}, "say": "I wait"},
        start("Middle", "below"),
        {"when": {"system": "Middle", "tool_result": "is used up"}, "say": "alone then"},
    ]));
    let (lead, middle) = allotted(Some(8_990));
    let house = House::new(three(&server, lead, middle));
    let id = house.start("lead", &json!("work")).await;
    assert_eq!(house.result(&id).await, "done");
    assert_eq!(house.count("below").await, 0);
    let told = told(&server, "user");
    assert!(told.iter().any(|one| one.to_string().contains("alone then")), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_works_below_one_with_an_allowance_uses_up_that_one() {
    let server = server(&json!([
        start("Lead", "middle"),
        {"when": {"system": "Lead", "text": "has not finished"}, "say": "it broke"},
        {"when": {"system": "Lead"}, "say": "I wait"},
        start("Middle", "below"),
        {"when": {"system": "Middle"}, "say": "I wait"},
        {"when": {"system": "Below"}, "usage": {"input": 500, "output": 50},
         "tool_calls": [{"name": "report", "arguments": {"progress": "on"}}]},
    ]));
    let (lead, middle) = allotted(None);
    let registry = three(&server, lead, middle);
    let house = House::new(registry);
    let id = house.start("lead", &json!("work")).await;
    assert_eq!(house.result(&id).await, "it broke");
    let below = house.exit(&of_kind(&house, "below").await).await.to_string();
    assert!(below.contains("the budget of middle/"), "{below}");
    let spent = tokens(&house, &of_kind(&house, "middle").await).await;
    assert!((6_000..=9_000).contains(&spent), "{spent}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_whose_last_call_has_cost_too_much_ends_before_it_starts_others() {
    let large = json!({"input": 10_000, "output": 10});
    let mut dear = start("Middle", "below");
    dear["usage"] = large;
    let server = server(&json!([
        start("Lead", "middle"),
        {"when": {"system": "Lead", "text": "has not finished"}, "say": "it broke"},
        {"when": {"system": "Lead"}, "say": "I wait"},
        dear,
    ]));
    let (lead, middle) = allotted(None);
    let house = House::new(three(&server, lead, middle));
    let id = house.start("lead", &json!("work")).await;
    assert_eq!(house.result(&id).await, "it broke");
    assert_eq!(house.count("below").await, 0);
    let told = told(&server, "user");
    assert!(told.iter().any(|one| one.to_string().contains("budget of middle/")), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_goes_deeper_than_those_above_it_may() {
    let server = server(&json!([
        start("Lead", "middle"),
        {"when": {"system": "Lead", "text": "has finished"}, "say": "done"},
        {"when": {"system": "Lead"}, "say": "I wait"},
        start("Middle", "below"),
        {"when": {"system": "Middle", "tool_result": "1 is the most"}, "say": "alone then"},
    ]));
    let mut lead = brief("lead", "Lead.", None);
    lead.limits.depth = 1;
    let mut middle = brief("middle", "Middle.", None);
    middle.limits.depth = 9;
    let house = House::new(three(&server, lead, middle));
    let id = house.start("lead", &json!("work")).await;
    assert_eq!(house.result(&id).await, "done");
    assert_eq!(house.count("below").await, 0);
}

/// On whose behalf each of the three works.
async fn tenants(input: Value, lead: Option<&str>, middle: Option<&str>) -> [Value; 3] {
    let server = server(&json!([
        start("Lead", "middle"),
        start("Middle", "below"),
        {"say": "well"}, {"say": "well"}, {"say": "well"}, {"say": "well"}, {"say": "well"},
    ]));
    let named = |name: &str, prompt: &str, tenant: Option<&str>| Definition {
        tenant: tenant.map(str::to_owned),
        ..brief(name, prompt, None)
    };
    let (lead, middle) = (named("lead", "Lead.", lead), named("middle", "Middle.", middle));
    let house = House::new(three(&server, lead, middle));
    let id = house.start("lead", &input).await;
    assert_eq!(house.result(&id).await, "well");
    let mut all = [Value::Null, Value::Null, Value::Null];
    for (tenant, kind) in all.iter_mut().zip(["lead", "middle", "below"]) {
        let state = house.node.state(&of_kind(&house, kind).await).await.unwrap();
        let row = state.iter().find(|row| row.key == "agent").unwrap();
        *tenant = row.value.read::<Value>().unwrap()["tenant"].clone();
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn who_works_for_another_works_for_the_same_tenant_unless_it_says_its_own() {
    let ann = json!({"task": "work", "tenant": "ann"});
    assert_eq!(tenants(ann.clone(), None, None).await, ["ann", "ann", "ann"]);
    assert_eq!(tenants(ann, Some("bob"), Some("cy")).await, ["ann", "cy", "cy"]);
    assert_eq!(tenants(json!("work"), Some("bob"), None).await, ["bob", "bob", "bob"]);
    assert_eq!(tenants(json!("work"), None, None).await, [Value::Null, Value::Null, Value::Null]);
}
