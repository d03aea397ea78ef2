//! Limits, and what becomes of who reaches them.

use crate::house::House;
use greenroom_agent::definition::{Breach, Limits};
use greenroom_agent::tool::Tool;
use greenroom_agent::{Agent, LIMIT};
use greenroom_model::Failure;
use greenroom_runtime::Step;
use serde_json::{Value, json};

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
    let turns = json!([{"when": {}, "usage": {"input": 90, "output": 10},
        "tool_calls": [{"name": "look", "arguments": {}}]}]);
    let limits = Limits { tokens: Some(250), repeats: 100, ..Limits::default() };
    let house = House::new(turns, limited(limits));
    house.start(json!("look")).await;
    let failure = house.failure().await;
    assert!(failure.message.contains("300 tokens"), "{failure}");
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
