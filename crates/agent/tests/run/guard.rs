//! Limits, and what becomes of who reaches them.

use crate::house::House;
use greenroom_agent::definition::{Breach, Limits};
use greenroom_agent::models::One;
use greenroom_agent::provider::{Chat, Endpoint, Key, Price};
use greenroom_agent::scripted::{Script, ScriptedServer};
use greenroom_agent::tool::Tool;
use greenroom_agent::{Agent, LIMIT};
use greenroom_model::Failure;
use greenroom_model::budget::Budget;
use greenroom_runtime::Step;
use serde_json::{Value, json};
use std::sync::Arc;

fn look() -> Tool {
    Tool::function("look", "Looks.", |_: Step, (): ()| async { Ok::<_, Failure>("nothing yet") })
}

/// A model that never comes to an end.
fn endless() -> Value {
    json!([{"when": {}, "tool_calls": [{"name": "look", "arguments": {}}]}])
}

fn limited(limits: Limits) -> impl FnOnce(Agent) -> Agent {
    move |agent| agent.tool(look()).with(|definition| definition.limits = limits)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_repeats_itself_is_told_and_then_stopped() {
    let house = House::new(endless(), limited(Limits::default()));
    house.start(json!("look")).await;
    let failure = house.failure().await;
    assert!(failure.is(LIMIT) && failure.message.contains("4 times in a row"), "{failure}");
    let requests = house.requests();
    assert_eq!(requests.len(), 4);
    assert!(requests[3]["messages"].to_string().contains("same call with the same result"));
    assert!(!requests[2]["messages"].to_string().contains("same call with the same result"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gets_nothing_done_is_told_and_then_stopped() {
    #[derive(serde::Deserialize, schemars::JsonSchema)]
    struct Try {
        number: String,
    }
    let open = Tool::function("open", "Opens.", |_: Step, one: Try| async move {
        Err::<(), _>(Failure::fatal("locked", format!("{} does not fit", one.number)))
    });
    // No call is as the one before.
    let turn = |number: &str| {
        json!({"when": {}, "times": 1,
        "tool_calls": [{"name": "open", "arguments": {"number": number}}]})
    };
    let turns = json!([turn("one"), turn("two"), turn("three"), turn("four")]);
    let limits = Limits { failures: 3, repeats: 100, ..Limits::default() };
    let house = House::new(turns, |agent| agent.tool(open).with(|one| one.limits = limits));
    house.start(json!("open")).await;
    let failure = house.failure().await;
    assert!(
        failure.is(LIMIT) && failure.message.contains("failed in 3 turns in a row"),
        "{failure}"
    );
    let requests = house.requests();
    assert_eq!(requests.len(), 3);
    assert!(requests[2]["messages"].to_string().contains("have failed for several turns"));
    assert!(!requests[1]["messages"].to_string().contains("have failed for several turns"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_asked_whether_it_may_go_on() {
    let limits = Limits { turns: 3, repeats: 100, then: Breach::Ask, ..Limits::default() };
    let house = House::new(endless(), limited(limits));
    house.start(json!("look")).await;
    let question = house.answer(json!("yes")).await;
    assert!(question.contains("3 calls of its model"), "{question}");
    house.answer(json!("no")).await;
    assert!(house.failure().await.is(LIMIT));
    assert_eq!(house.requests().len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_counted_over_all_calls() {
    let turns = json!([{"when": {}, "usage": {"input": 900, "output": 100},
        "tool_calls": [{"name": "look", "arguments": {}}]}]);
    let limits = Limits { tokens: Some(3_000), repeats: 100, ..Limits::default() };
    let house = House::new(turns, limited(limits));
    house.start(json!("look")).await;
    let failure = house.failure().await;
    // The next would read a thousand and write as much as is of use.
    let words = "2000 tokens used, 1000 left, and the next call may take 1256";
    assert!(failure.is(LIMIT) && failure.message.contains(words), "{failure}");
    // The last that was made was to be no longer than what was left.
    assert_eq!(house.requests().last().unwrap()["max_tokens"], 1_000);
    assert_eq!(house.requests().len(), 2);
}

/// A model of which a million tokens cost a thousand, and the server behind it.
fn costly(turns: Value, reply_bytes_max: usize) -> (ScriptedServer, Arc<One>) {
    let script = Script::parse(&json!({ "turns": turns }).to_string()).unwrap();
    let server = ScriptedServer::start(script).unwrap();
    let mut endpoint = Endpoint::new("script", server.chat_url(), Key::None);
    endpoint.limits.reply_bytes_max = reply_bytes_max;
    let (cache_read, cache_write, above) = (None, None, None);
    let price = Price { input: 1e3, output: 1e3, cache_read, cache_write, above };
    let one = One::new("script/model", "model", Arc::new(Chat::new(endpoint))).price(price);
    (server, Arc::new(one))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_may_cost_more_than_is_left_is_not_made() {
    let (server, models) = costly(json!([{"when": {}, "say": "ok"}]), 1 << 20);
    let limits = Limits { money: Some(0.2), then: Breach::Ask, ..Limits::default() };
    let house = House::of(server, models, limited(limits));
    house.start(json!("look")).await;
    let question = house.answer(json!("yes")).await;
    assert!(question.contains("0.2000 left") && question.contains("may cost 0."), "{question}");
    assert_eq!(house.requests().len(), 0);
    // With as much again it may.
    assert_eq!(house.result().await, json!("ok"));
    assert!(house.requests()[0]["max_tokens"].as_u64().unwrap() < 400);
}

/// A model of which nobody knows what it costs, unless it is said.
fn priceless(price: Option<Price>) -> (ScriptedServer, Arc<One>) {
    let turns = json!({"turns": [{"when": {}, "say": "ok"}]});
    let server = ScriptedServer::start(Script::parse(&turns.to_string()).unwrap()).unwrap();
    let endpoint = Endpoint::new("script", server.chat_url(), Key::None);
    let one = One::new("script/model", "model", Arc::new(Chat::new(endpoint)));
    let one = price.into_iter().fold(one, One::price);
    (server, Arc::new(one))
}

fn money() -> Limits {
    Limits { money: Some(0.2), ..Limits::default() }
}

async fn is_refused(house: &House) {
    let failure = house.failure().await;
    let words = ["`script/model` has no price", "[prices.\"script/model\"]"];
    assert!(failure.is("no_price"), "{failure}");
    assert!(words.iter().all(|word| failure.message.contains(word)), "{failure}");
    assert_eq!(house.requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_money_is_limited_no_model_without_a_price_is_asked() {
    let (server, models) = priceless(None);
    let house = House::of(server, models, limited(money()));
    house.start(json!("look")).await;
    is_refused(&house).await;
    // Of the whole tree.
    let (server, models) = priceless(None);
    let house = House::of(server, models, |agent| agent);
    house.start_with(json!("look"), Some(Budget::default().money_micro(200_000))).await;
    is_refused(&house).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_is_free_or_limited_otherwise_is_asked() {
    let (server, models) = priceless(Some(Price::free()));
    let house = House::of(server, models, limited(money()));
    house.start_with(json!("look"), Some(Budget::default().money_micro(200_000))).await;
    assert_eq!(house.result().await, json!("ok"));
    let (server, models) = priceless(None);
    let tokens = Limits { tokens: Some(100_000), ..Limits::default() };
    let house = House::of(server, models, limited(tokens));
    house.start_with(json!("look"), Some(Budget::default().tokens(100_000))).await;
    assert_eq!(house.result().await, json!("ok"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_failed_call_has_cost_is_paid_for() {
    let long = "so many words ".repeat(1_000);
    let (server, models) = costly(json!([{"when": {}, "say": long}]), 20_000);
    let house = House::of(server, models, |agent| agent);
    house.start(json!("look")).await;
    let failure = house.failure().await;
    assert!(failure.message.contains("more than 20000 bytes"), "{failure}");
    assert_eq!(house.requests().len(), 1, "it is not made again");
    let usage = house.state("usage").await;
    assert!(usage["output"].as_u64().unwrap() > 50 && usage["guessed"] == true, "{usage}");
    let total = usage["output"].as_u64().unwrap() + usage["input"].as_u64().unwrap();
    assert_eq!(house.state("money_micro").await, json!(total * 1_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fallback_goes_on_and_is_stopped_the_next_time() {
    let limits = Limits {
        turns: 2,
        repeats: 100,
        then: Breach::Fallback("cheap".into()),
        ..Limits::default()
    };
    let house = House::new(endless(), limited(limits));
    house.start(json!("look")).await;
    assert!(house.failure().await.is(LIMIT));
    assert_eq!(house.requests().len(), 4);
}
