//! What an agent's words come to.

use crate::house::House;
use greenroom_agent::{BAD_DEFINITION, LIMIT, REFUSED, SAY};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_does_not_follow_its_schema_goes_back_to_the_model() {
    let schema =
        json!({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]});
    let turns = json!([
        {"when": {"replies": 0}, "say": "about seven"},
        {"when": {"replies": 1, "text": "no JSON"}, "say": "{\"n\": \"seven\"}"},
        {"when": {"replies": 2, "text": "integer"}, "say": "```json\n{\"n\": 7}\n```"}
    ]);
    let house = House::new(turns, |agent| agent.with(|one| one.output = Some(schema)));
    assert_eq!(house.run(json!("how many?")).await, json!({"n": 7}));
    assert!(house.requests()[0]["response_format"].to_string().contains("integer"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_always_answers_wrongly_is_told_a_few_times() {
    let turns = json!([{"when": {}, "say": "about seven"}]);
    let schema = json!({"type": "object"});
    let house = House::new(turns, |agent| agent.with(|one| one.output = Some(schema)));
    house.start(json!("how many?")).await;
    let failure = house.failure().await;
    let words = failure.message.contains("4 answers") && failure.message.contains("no JSON");
    assert!(failure.is(LIMIT) && words, "{failure}");
    assert_eq!(house.requests().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_is_none_ends_a_run_before_its_model_is_asked() {
    let schema = json!({"type": "nope"});
    let turns = json!([{"when": {}, "say": "seven"}]);
    let house = House::new(turns, |agent| agent.with(|one| one.output = Some(schema)));
    house.start(json!("how many?")).await;
    let failure = house.failure().await;
    assert!(failure.is(BAD_DEFINITION) && failure.message.contains("no type `nope`"), "{failure}");
    assert_eq!(house.requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_a_failure_with_its_words() {
    let turns = json!([{"when": {}, "say": "I will not.", "finish": "content_filter"}]);
    let house = House::new(turns, |agent| agent);
    house.start(json!("do it")).await;
    let failure = house.failure().await;
    assert!(failure.is(REFUSED) && failure.message.contains("I will not."), "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_was_cut_is_asked_for_again() {
    let turns = json!([
        {"when": {"replies": 0}, "say": "once upon", "finish": "length"},
        {"when": {"text": "too long"}, "say": "the end"}
    ]);
    let house = House::new(turns, |agent| agent);
    assert_eq!(house.run(json!("a story")).await, json!("the end"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_says_while_it_thinks_is_heard_before_the_next_call() {
    let turns = json!([
        {"when": {"text": "begin"}, "say": "begun", "delay_ms": 300},
        {"when": {"text": "and stop"}, "say": "stopped"}
    ]);
    let house = House::new(turns, |agent| agent);
    house.start(json!({"task": "begin", "chat": true})).await;
    let begin = json!({"role": "user", "content": [{"type": "text", "text": "begin"}]});
    house.until("thread/000001", begin).await;
    house.say(SAY, json!("and stop")).await;
    house
        .until(
            "thread/000004",
            json!({"role": "assistant", "content": [{"type": "text", "text": "stopped"}]}),
        )
        .await;
    assert_eq!(house.requests().len(), 2);
    house.say(greenroom_agent::BYE, json!(null)).await;
    assert_eq!(house.result().await, json!("stopped"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_goes_on_over_segments_of_the_journal() {
    let turns = json!([
        {"when": {"text": "what was the word?"}, "say": "plum"},
        {"when": {}, "say": "ok"}
    ]);
    let house = House::new(turns, |agent| agent);
    house.start(json!({"chat": true})).await;
    for round in 0..105 {
        house.say(SAY, json!(format!("word {round}"))).await;
        let key = format!("thread/{:06}", round * 2 + 2);
        house
            .until(&key, json!({"role": "assistant", "content": [{"type": "text", "text": "ok"}]}))
            .await;
    }
    house.say(SAY, json!("what was the word?")).await;
    house.say(greenroom_agent::BYE, json!(null)).await;
    assert_eq!(house.result().await, json!("plum"));
    let last = house.requests().pop().unwrap();
    assert_eq!(last["messages"].as_array().unwrap().len(), 212, "with the system's");
}
