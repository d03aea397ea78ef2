//! Questions, approvals and results: to whom they go, and that they get there.

use crate::house::{House, models, server, told, until};
use greenroom_agent::tool::{Approval, Tool};
use greenroom_agent::{Agent, Definition};
use greenroom_model::Failure;
use greenroom_runtime::{Registry, Step};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Sum {
    amount: u64,
}

/// A tool that notes what it was called with.
fn pay(paid: &Arc<Mutex<Vec<u64>>>) -> Tool {
    let paid = paid.clone();
    Tool::function("pay", "Pays.", move |_: Step, sum: Sum| {
        let paid = paid.clone();
        async move {
            paid.lock().unwrap().push(sum.amount);
            Ok::<_, Failure>(format!("paid {}", sum.amount))
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_and_a_third_approval_go_to_the_right_calls_in_whatever_order() {
    let server = server(&json!([
        {"when": {"text": "pay all"}, "tool_calls": [
            {"name": "pay", "id": "a", "arguments": {"amount": 1}},
            {"name": "pay", "id": "b", "arguments": {"amount": 2}},
            {"name": "pay", "id": "c", "arguments": {"amount": 3}}]},
        {"when": {"tool_result": "paid", "replies": 1},
            "tool_calls": [{"name": "pay", "id": "d", "arguments": {"amount": 4}}]},
        {"when": {"tool_result": "paid"}, "say": "done"},
    ]));
    let paid = Arc::default();
    let agent = Agent::new("payer", "You pay.", models(&server))
        .tool(pay(&paid).approval(Approval::Always));
    let mut house = House::new(agent.register(Registry::new()));
    let id = house.start("payer", &json!("pay all")).await;
    let about = |asks: &[greenroom_runtime::journal::AskRow], amount: u64| {
        let of = |ask: &&greenroom_runtime::journal::AskRow| {
            ask.spec.question.contains(&format!("\"amount\": {amount}"))
        };
        asks.iter().find(of).cloned().unwrap()
    };
    let asks = house.asks(3).await;
    house.answer(&about(&asks, 3), json!({"edit": {"amount": 30}})).await;
    let asks = house.asks(2).await;
    house.restart().await;
    house.answer(&about(&asks, 1), json!("approve")).await;
    let asks = house.asks(1).await;
    house.answer(&about(&asks, 2), json!({"reject": "too dear"})).await;
    house.answer(&about(&house.asks(1).await, 4), json!("approve")).await;
    assert_eq!(house.result(&id).await, "done");
    assert_eq!(*paid.lock().unwrap(), [1, 30, 4]);
    let results: Vec<(Value, Value)> = told(&server, "tool")
        .into_iter()
        .map(|told| (told["tool_call_id"].clone(), told["content"].clone()))
        .collect();
    let words = |id: &str| results.iter().find(|(of, _)| of == id).unwrap().1.to_string();
    assert!(words("a").contains("paid 1"), "{results:?}");
    assert!(words("b").contains("too dear"), "{results:?}");
    assert!(words("c").contains("paid 30") && words("d").contains("paid 4"), "{results:?}");
}

/// A worker that pays and then asks, and a lead who has it do so.
fn family(
    server: &Arc<greenroom_agent::scripted::ScriptedServer>,
    paid: &Arc<Mutex<Vec<u64>>>,
) -> Registry {
    let worker = Definition::new("worker", "Worker.");
    let registry =
        Agent::of(worker.clone(), models(server)).tool(pay(paid)).asks().register(Registry::new());
    Agent::new("lead", "Lead.", models(server)).tool(pay(paid)).leads(&[worker]).register(registry)
}

const WORKER: &str = r#"
    {"when": {"system": "Worker", "text": "page"},
        "tool_calls": [{"name": "pay", "arguments": {"amount": 2}}]},
    {"when": {"system": "Worker", "tool_result": "paid"},
        "tool_calls": [{"name": "ask", "arguments": {"question": "which colour?"}}]},
    {"when": {"system": "Worker", "tool_result": "blue"}, "say": "a blue page"}
"#;

fn turns(lead: &str) -> Value {
    serde_json::from_str(&format!("[{WORKER}, {lead}]")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nested_question_runs_no_earlier_work_again() {
    let server = server(&turns(
        r#"{"when": {"system": "Lead", "text": "site"},
            "tool_calls": [{"name": "pay", "arguments": {"amount": 1}}]},
        {"when": {"system": "Lead", "tool_result": "paid"},
            "tool_calls": [{"name": "agent", "arguments": {"agent": "worker", "task": "page"}}]},
        {"when": {"system": "Lead", "tool_result": "a blue page"}, "say": "done"}"#,
    ));
    let paid = Arc::default();
    let mut house = House::new(family(&server, &paid));
    let id = house.start("lead", &json!("site")).await;
    house.asks(1).await;
    let before = server.count();
    house.restart().await;
    let asks = house.asks(1).await;
    assert_eq!(server.count(), before, "the question stands; nothing is asked of the model");
    house.answer(&asks[0], json!("blue")).await;
    assert_eq!(house.result(&id).await, "done");
    assert_eq!(*paid.lock().unwrap(), [1, 2]);
    assert_eq!(server.count(), 6, "three of each");
    assert!(server.served_by_key().values().all(|served| *served == 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sub_agents_question_reaches_the_person_also_when_its_parent_has_ended() {
    let server = server(&turns(
        r#"{"when": {"system": "Lead", "text": "site"}, "tool_calls":
            [{"name": "start_agent", "arguments": {"agent": "worker", "task": "page"}}]},
        {"when": {"system": "Lead", "text": "asks; answer it"}, "say": "I do not know"},
        {"when": {"system": "Lead"}, "say": "I wait"}"#,
    ));
    let house = House::new(family(&server, &Arc::default()));
    let lead = house.start("lead", &json!("site")).await;
    let asks = house.asks(1).await;
    assert!(asks[0].process.as_str().starts_with("worker/"), "{asks:?}");
    assert!(asks[0].spec.question.contains("which colour?"));
    house.node.kill(&lead, "enough", "test").await.unwrap();
    house.exit(&lead).await;
    let asks = house.asks(1).await;
    house.answer(&asks[0], json!("blue")).await;
    assert_eq!(house.result(&asks[0].process).await, "a blue page");
}

/// The lead thinks about the first question for so long that a person has answered it,
/// and the agent asks another one by then.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_answer_of_the_lead_answers_no_later_question() {
    let ask = |words: &str| json!([{"name": "ask", "arguments": {"question": words}}]);
    let server = server(&json!([
        {"when": {"system": "Worker", "replies": 0}, "tool_calls": ask("which colour?")},
        {"when": {"system": "Worker", "tool_result": "blue"}, "tool_calls": ask("which size?")},
        {"when": {"system": "Worker", "tool_result": "large"}, "say": "a large page"},
        {"when": {"system": "Worker"}, "say": "a wrong page"},
        {"when": {"system": "Lead", "text": "site"}, "tool_calls":
            [{"name": "start_agent", "arguments": {"agent": "worker", "task": "page"}}]},
        {"when": {"system": "Lead", "text": "which colour?"}, "for_each": "agent (\\S+) asks;",
         "tool_calls": [{"name": "answer_agent", "arguments": {"id": "$1", "message": "red"}}],
         "delay_ms": 700},
        {"when": {"system": "Lead", "text": "which size?"}, "say": "that is for a person"},
        {"when": {"system": "Lead", "text": "large page"}, "say": "done"},
        {"when": {"system": "Lead"}, "say": "I wait"},
    ]));
    let house = House::new(family(&server, &Arc::default()));
    let lead = house.start("lead", &json!("site")).await;
    let asks = house.asks(1).await;
    house.answer(&asks[0], json!("blue")).await;
    house.await_state(&lead, "status", &json!("listening")).await;
    until("the lead has been told of the second question", || {
        told(&server, "user").iter().any(|one| one.to_string().contains("which size?"))
    })
    .await;
    let asks = house.asks(1).await;
    assert!(asks[0].spec.question.contains("which size?"), "{asks:?}");
    house.answer(&asks[0], json!("large")).await;
    assert_eq!(house.result(&lead).await, "done");
    assert_eq!(house.result(&asks[0].process).await, "a large page");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_sub_agents_result_is_delivered_after_a_restart() {
    // The lead is busy with its model when the worker ends, and then the node goes.
    let server = server(&json!([
        {"when": {"system": "Worker"}, "say": "a blue page"},
        {"when": {"system": "Lead", "text": "site"}, "tool_calls":
            [{"name": "start_agent", "arguments": {"agent": "worker", "task": "page"}}]},
        {"when": {"system": "Lead", "text": "a blue page"}, "say": "the site is done"},
        {"when": {"system": "Lead"}, "say": "I wait", "delay_ms": 1500},
    ]));
    let mut house = House::new(family(&server, &Arc::default()));
    let lead = house.start("lead", &json!("site")).await;
    let worker = loop {
        let all =
            house.node.list(greenroom_runtime::journal::Listing { limit: 9, ..Default::default() });
        let all = all.await.unwrap();
        if let Some(row) = all.iter().find(|row| &*row.kind.name == "worker") {
            break row.id.clone();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert_eq!(house.result(&worker).await, "a blue page");
    let heard = told(&server, "user");
    assert!(!heard.iter().any(|said| said.to_string().contains("blue page")), "not yet: {heard:?}");
    house.restart().await;
    assert_eq!(house.result(&lead).await, "the site is done");
    let heard = told(&server, "user");
    let times = heard.iter().filter(|said| said.to_string().contains("has finished")).count();
    assert_eq!(times, 1, "{heard:?}");
    assert_eq!(house.count("worker").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_cut_in_the_middle_is_asked_for_again_and_no_half_of_it_stays() {
    let server = server(&json!([
        {"say": "half of a sentence that", "cut_after_tokens": 2, "times": 1},
        {"tool_calls": [{"name": "pay", "arguments": {"amount": 5}}], "cut_after_tokens": 1},
        {"tool_calls": [{"name": "pay", "arguments": {"amount": 6}}]},
        {"say": "all of it"},
    ]));
    let paid = Arc::default();
    let agent = Agent::new("payer", "You pay.", models(&server)).tool(pay(&paid));
    let house = House::new(agent.register(Registry::new()));
    let id = house.start("payer", &json!("speak")).await;
    assert_eq!(house.result(&id).await, "all of it");
    assert_eq!(*paid.lock().unwrap(), [6], "half a call is none");
    let said = format!("{:?}", server.requests().last().unwrap().body);
    assert!(!said.contains("half of") && server.count() == 4, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_at_the_last_step_costs_that_step_and_not_the_run() {
    let calls = Arc::new(AtomicU32::new(0));
    let counted = calls.clone();
    let server = server(&json!([
        {"tool_calls": [{"name": "look", "arguments": {}}]},
        {"status": 401, "message": "who are you?"},
        {"say": "found it"},
    ]));
    let look = Tool::function("look", "Looks.", move |_: Step, (): ()| {
        counted.fetch_add(1, Ordering::Relaxed);
        async { Ok::<_, Failure>("a lamp") }
    });
    let agent = Agent::new("finder", "You find.", models(&server)).tool(look);
    let house = House::new(agent.register(Registry::new()));
    let id = house.start("finder", &json!("look")).await;
    let exit = house.exit(&id).await.to_string();
    assert!(exit.contains("who are you?"), "{exit}");
    house.node.restart(&id, greenroom_runtime::RestartFrom::Failure, "test").await.unwrap();
    house.until_result(&id, &json!("found it")).await;
    assert_eq!((calls.load(Ordering::Relaxed), server.count()), (1, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_a_person_had_started_otherwise_is_the_leads_all_the_same() {
    let server = server(&json!([
        {"when": {"system": "Worker", "text": "small"}, "say": "a small page"},
        {"when": {"system": "Lead", "text": "site", "replies": 0}, "tool_calls":
            [{"name": "start_agent", "arguments": {"agent": "worker", "task": "a large page"}}]},
        {"when": {"system": "Lead", "text": "a small page"}, "say": "done"},
        {"when": {"system": "Lead"}, "say": "I wait"},
    ]));
    let worker = Definition::new("worker", "Worker.");
    let registry = Agent::of(worker.clone(), models(&server)).register(Registry::new());
    let lead = Agent::new("lead", "Lead.", models(&server)).leads(&[worker]).with(|lead| {
        lead.approve.insert("start_agent".into(), Approval::Always);
    });
    let house = House::new(lead.register(registry));
    let id = house.start("lead", &json!("site")).await;
    let ask = house.asks(1).await.remove(0);
    house.answer(&ask, json!({"edit": {"agent": "worker", "task": "a small page"}})).await;
    assert_eq!(house.result(&id).await, "done");
    house.await_state(&id, "at_work", &json!(0)).await;
    house.await_state(&id, "team", &json!([])).await;
}
