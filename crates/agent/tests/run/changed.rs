//! What changes under agents at work, and what goes wrong around them.

use crate::house::House;
use greenroom_agent::SAY;
use greenroom_agent::definition::Limits;
use greenroom_agent::models::Models;
use greenroom_agent::provider::{Catalog, ModelsConfig};
use greenroom_agent::scripted::{Script, ScriptedServer};
use greenroom_agent::tool::{Approval, Tool};
use greenroom_model::Failure;
use greenroom_runtime::Step;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

fn look() -> Tool {
    Tool::function("look", "Looks.", |_: Step, (): ()| async { Ok::<_, Failure>("a cat") })
}

#[derive(Deserialize, JsonSchema)]
struct Closer {
    /// How close.
    #[expect(dead_code, reason = "only its schema matters")]
    metres: u32,
}

fn closer() -> Tool {
    let look = |_: Step, _: Closer| async { Ok::<_, Failure>("a dog") };
    Tool::function("look", "Looks.", look).approval(Approval::Always)
}

fn turns() -> Value {
    json!([
        {"when": {"text": "look"}, "tool_calls": [{"name": "look", "arguments": {}}]},
        {"when": {"tool_result": "a cat"}, "say": "It is a cat."},
        {"when": {"tool_result": "not here any more"}, "say": "I cannot look."},
        {"when": {"text": "thanks"}, "say": "You are welcome.", "times": 9},
    ])
}

/// A chat in which a tool was called.
async fn looked() -> House {
    let house = House::new(turns(), |agent| agent.tool(look()));
    house.start(json!({"chat": true, "task": "look"})).await;
    house.until("status", json!("listening")).await;
    house
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_that_has_changed_parks_nobody() {
    let mut house = looked().await;
    house.again(|agent| agent.tool(closer())).await;
    house.say(SAY, json!("thanks")).await;
    house
        .until(
            "thread/000005",
            json!({"role": "user", "content": [{"type": "text", "text": "thanks"}]}),
        )
        .await;
    house.until("status", json!("listening")).await;
    assert_eq!(house.server.count(), 3, "no call is made again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_that_is_gone_parks_nobody_and_says_so_when_it_is_called() {
    let mut house = looked().await;
    house.again(|agent| agent).await;
    house.say(SAY, json!("look")).await;
    let said =
        json!({"role": "assistant", "content": [{"type": "text", "text": "I cannot look."}]});
    house.until("thread/000008", said).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_outlives_a_failure_of_its_model() {
    let turns = json!([
        {"when": {"text": "one"}, "status": 400, "message": "no such thing", "times": 1},
        {"when": {"text": "two"}, "say": "Here I am."},
    ]);
    let house = House::new(turns, |agent| agent);
    house.start(json!({"chat": true, "task": "one"})).await;
    house.until("status", json!("listening")).await;
    let problem = house.state("problem").await;
    assert!(problem["message"].to_string().contains("no such thing"), "{problem}");
    house.say(SAY, json!("two")).await;
    house.until("problem", Value::Null).await;
    let said = json!({"role": "assistant", "content": [{"type": "text", "text": "Here I am."}]});
    house.until("thread/000003", said).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_that_reaches_a_limit_waits_for_a_word() {
    let turns = json!([
        {"when": {"text": "go on"}, "say": "I stop."},
        {"when": {}, "tool_calls": [{"name": "look", "arguments": {}}]},
    ]);
    let limits = Limits { turns: 2, repeats: 100, ..Limits::default() };
    let house =
        House::new(turns, |agent| agent.tool(look()).with(|definition| definition.limits = limits));
    house.start(json!({"chat": true, "task": "look"})).await;
    house.until("status", json!("listening")).await;
    assert_eq!(house.state("problem").await["kind"], "limit");
    house.say(SAY, json!("go on")).await;
    house.until("problem", Value::Null).await;
    let said = json!({"role": "assistant", "content": [{"type": "text", "text": "I stop."}]});
    house.until("thread/000007", said).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_down_is_asked_twice_and_then_let_rest() {
    let serve = |turns: Value| {
        ScriptedServer::start(Script::parse(&json!({ "turns": turns }).to_string()).unwrap())
            .unwrap()
    };
    let down = serve(json!([{"when": {}, "status": 503, "message": "too much to do"}]));
    let up = serve(json!([{"when": {}, "say": "Good day."}]));
    let config = format!(
        "[models]\ndefault = [\"down/x\", \"up/x\"]\n\
         [providers.down]\nprotocol = \"chat\"\nurl = \"{}\"\n\
         [providers.up]\nprotocol = \"chat\"\nurl = \"{}\"\n",
        down.chat_url(),
        up.chat_url()
    );
    let models: Arc<dyn Models> =
        Arc::new(Catalog::new(ModelsConfig::from_toml(&config).unwrap()).unwrap());
    let house = House::of(up, models, |agent| agent);
    house.start(json!({"chat": true, "task": "hello"})).await;
    for place in [2, 4, 6] {
        let said = json!({"role": "assistant", "content": [{"type": "text", "text": "Good day."}]});
        house.until(&format!("thread/{place:06}"), said).await;
        house.say(SAY, json!("again")).await;
    }
    assert_eq!(down.count(), 2);
}
