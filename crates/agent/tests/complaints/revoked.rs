//! Tools that are taken away: from now on, from calls that nobody has allowed yet, and
//! from all below.

use crate::house::{House, models, server, told, until};
use greenroom_agent::scripted::ScriptedServer;
use greenroom_agent::tool::{Approval, Tool};
use greenroom_agent::{Agent, Definition, Task};
use greenroom_model::{Failure, ProcessId};
use greenroom_runtime::journal::Listing;
use greenroom_runtime::{Ctx, Registry, Step};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

/// What tools have done, and whether the slow one may end.
#[derive(Clone, Default)]
struct Done {
    paid: Arc<AtomicU32>,
    slow_begun: Arc<AtomicBool>,
    slow_may_end: Arc<AtomicBool>,
}

impl Done {
    fn pay(&self) -> Tool {
        let paid = self.paid.clone();
        Tool::function("pay", "Pays.", move |_: Step, (): ()| {
            paid.fetch_add(1, Ordering::SeqCst);
            async { Ok::<_, Failure>("paid") }
        })
    }

    fn slow(&self) -> Tool {
        let done = self.clone();
        Tool::function("slow", "Takes its time.", move |_: Step, (): ()| {
            let done = done.clone();
            async move {
                done.slow_begun.store(true, Ordering::SeqCst);
                while !done.slow_may_end.load(Ordering::SeqCst) {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                Ok::<_, Failure>("slowly")
            }
        })
    }

    fn paid(&self) -> u32 {
        self.paid.load(Ordering::SeqCst)
    }
}

/// Who has started the agent, and takes `pay` away when it is told to.
fn boss(registry: Registry, agent: &'static str, chat: bool) -> Registry {
    registry.kind("boss", move |ctx: Ctx, (): ()| async move {
        let task = (!chat).then(|| "go".to_owned());
        let child = ctx.spawn(agent, &Task { task, chat, ..Task::default() }).await?;
        ctx.recv().topic("say").await?;
        ctx.send(child.id(), "revoke", &["pa*"]).await?;
        ctx.set("status", "revoked")?;
        child.join::<Value>().await
    })
}

fn worker(server: &ScriptedServer, done: &Done, approval: Approval) -> Agent {
    let agent = Agent::new("worker", "Worker.", models(server));
    agent.tool(done.pay().approval(approval)).tool(done.slow())
}

const PAY: &str = r#"[{"name": "pay", "arguments": {}}]"#;

fn pay() -> Value {
    serde_json::from_str(PAY).unwrap()
}

/// The tools that the model was told of last.
fn tools(server: &ScriptedServer) -> String {
    server.requests().last().unwrap().body["tools"].to_string()
}

async fn one_of(house: &House, kind: &str) -> ProcessId {
    let listing = Listing { limit: 100, ..Listing::default() };
    let all = house.node.list(listing).await.unwrap();
    all.iter().find(|row| &*row.kind.name == kind).unwrap().id.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_stands_open_is_closed_and_the_call_is_not_made() {
    let server = server(&json!([
        {"when": {"text": "go", "replies": 0}, "tool_calls": pay()},
        {"when": {"tool_result": "taken away"}, "say": "I cannot pay"},
    ]));
    let done = Done::default();
    let registry = worker(&server, &done, Approval::Always).register(Registry::new());
    let mut house = House::new(boss(registry, "worker", false));
    let boss = house.start("boss", &json!(null)).await;
    house.asks(1).await;
    house.restart().await;
    house.say(&boss, "now").await;
    assert_eq!(house.result(&boss).await, "I cannot pay");
    house.asks(0).await;
    assert_eq!(done.paid(), 0);
    assert!(told(&server, "tool")[0].to_string().contains("`pay` was taken away"), "and why");
    assert!(!tools(&server).contains("pay") && tools(&server).contains("slow"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_waits_for_another_of_the_same_reply_is_not_made() {
    let server = server(&json!([
        {"when": {"text": "go", "replies": 0}, "tool_calls": [
            {"name": "slow", "id": "a", "arguments": {}}, {"name": "pay", "id": "b", "arguments": {}}]},
        {"when": {"tool_result": ""}, "say": "I cannot pay"},
    ]));
    let done = Done::default();
    let registry = worker(&server, &done, Approval::Never).register(Registry::new());
    let mut house = House::new(boss(registry, "worker", false));
    let boss = house.start("boss", &json!(null)).await;
    until("the slow call is under way", || done.slow_begun.load(Ordering::SeqCst)).await;
    house.say(&boss, "now").await;
    house.await_state(&boss, "status", &json!("revoked")).await;
    let worker = one_of(&house, "worker").await;
    house.await_state(&worker, "revoked", &json!(["pa*"])).await;
    house.restart().await;
    done.slow_may_end.store(true, Ordering::SeqCst);
    assert_eq!(house.result(&boss).await, "I cannot pay");
    let told = told(&server, "tool");
    assert!(told[0].to_string().contains("slowly"), "what is under way goes on: {told:?}");
    assert!(told[1].to_string().contains("taken away") && done.paid() == 0, "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_nothing_hears_of_it_and_it_outlives_the_node() {
    let server = server(&json!([
        {"when": {"tool_result": "taken away"}, "say": "I cannot pay"},
        {"when": {"text": "pay"}, "tool_calls": pay()},
    ]));
    let done = Done::default();
    let registry = worker(&server, &done, Approval::Never).register(Registry::new());
    let mut house = House::new(boss(registry, "worker", true));
    let boss = house.start("boss", &json!(null)).await;
    house.say(&boss, "now").await;
    house.await_state(&boss, "status", &json!("revoked")).await;
    let worker = one_of(&house, "worker").await;
    house.await_state(&worker, "revoked", &json!(["pa*"])).await;
    house.restart().await;
    house.say(&worker, "pay").await;
    house.await_state(&worker, "status", &json!("listening")).await;
    until("it has been asked twice", || server.count() == 2).await;
    assert!(!tools(&server).contains("pay") && done.paid() == 0);
}

/// The one in the middle waits for an agent, which waits for a person; then it starts
/// another one.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_from_a_lead_is_taken_from_those_below_and_from_those_to_come() {
    let hand =
        |task: &str| json!([{"name": "agent", "arguments": {"agent": "worker", "task": task}}]);
    let server = server(&json!([
        {"when": {"system": "Worker", "tool_result": "taken away"}, "say": "no money"},
        {"when": {"system": "Worker", "tool_result": "paid"}, "say": "bought"},
        {"when": {"system": "Worker"}, "tool_calls": pay()},
        {"when": {"system": "Middle", "text": "go", "replies": 0}, "tool_calls": hand("buy it")},
        {"when": {"system": "Middle", "tool_result": "no money", "replies": 1},
            "tool_calls": hand("buy it again")},
        {"when": {"system": "Middle", "tool_result": ""}, "say": "twice without money"},
    ]));
    let done = Done::default();
    let definition = Definition::new("worker", "Worker.");
    let registry = worker(&server, &done, Approval::Always).register(Registry::new());
    let middle = Agent::new("middle", "Middle.", models(&server)).leads(&[definition]);
    let house = House::new(boss(middle.register(registry), "middle", false));
    let boss = house.start("boss", &json!(null)).await;
    house.asks(1).await;
    house.say(&boss, "now").await;
    assert_eq!(house.result(&boss).await, "twice without money");
    house.asks(0).await;
    assert_eq!((done.paid(), house.count("worker").await), (0, 2));
    assert!(!tools(&server).contains("\"pay\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_takes_them_away_by_name_and_is_told_of_a_name_that_cannot_be() {
    let revoke =
        |name: &str| json!({"name": "revoke_tools", "arguments": {"id": "$1", "tools": [name]}});
    let id = "(worker/[^\"\\\\]+)";
    let server = server(&json!([
        {"when": {"system": "Worker", "tool_result": "taken away"}, "say": "no money"},
        {"when": {"system": "Worker"}, "tool_calls": pay()},
        {"when": {"system": "Lead", "text": "no money"}, "say": "as I thought"},
        {"when": {"system": "Lead", "tool_result": "", "replies": 1}, "for_each": id,
            "tool_calls": [revoke("pa y"), revoke("pay")]},
        {"when": {"system": "Lead", "tool_result": ""}, "say": "I wait"},
        {"when": {"system": "Lead", "text": "go"}, "tool_calls":
            [{"name": "start_agent", "arguments": {"agent": "worker", "task": "buy it"}}]},
    ]));
    let done = Done::default();
    let definition = Definition::new("worker", "Worker.");
    let registry = worker(&server, &done, Approval::Always).register(Registry::new());
    let lead = Agent::new("lead", "Lead.", models(&server)).leads(&[definition]);
    let house = House::new(lead.register(registry));
    let id = house.start("lead", &json!("go")).await;
    assert_eq!(house.result(&id).await, "as I thought");
    assert_eq!(done.paid(), 0);
    let said = told(&server, "tool");
    assert!(said.iter().any(|one| one.to_string().contains("is in no tool's name")), "{said:?}");
}
