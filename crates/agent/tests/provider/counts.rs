//! Counts that no model can have: they come from a network, and what is billed, limited and
//! summed up goes by them. Through whole agents on nodes whose journal is in SQLite.

use crate::exact::events;
use crate::house::House;
use crate::line::{Answer, Line};
use crate::support::eventually;
use greenroom_agent::provider::Usage;
use greenroom_runtime::model::ProcessId;
use std::time::Duration;

/// What servers print where they mean -1 or have counted wrong. The last is in words, as no
/// machine's number holds it.
const WRONG: [(&str, &str); 7] = [
    ("100", "18446744073709551615"),
    ("18446744073709551615", "18446744073709551615"),
    ("18446744073709551615", "0"),
    ("9223372036854775807", "1"),
    ("100", "-1"),
    ("1e30", "1e30"),
    ("1e400", "9"),
];

fn pair(number: usize) -> (&'static str, &'static str) {
    WRONG[number % WRONG.len()]
}

fn chat(number: usize) -> String {
    let (read, written) = pair(number);
    let usage = format!(
        r#"{{"choices":[],"usage":{{"prompt_tokens":{read},"completion_tokens":{written},"prompt_tokens_details":{{"cached_tokens":{written},"cache_write_tokens":{written}}}}}}}"#
    );
    let said = r#"{"choices":[{"delta":{"content":"Fine."},"finish_reason":"stop"}]}"#;
    events(&[said, &usage, "[DONE]"])
}

fn openai(number: usize) -> String {
    let (read, written) = pair(number);
    let item = r#"{"type":"message","role":"assistant","content":[{"type":"output_text","text":"Fine."}]}"#;
    events(&[&format!(
        r#"{{"type":"response.completed","response":{{"status":"completed","model":"m","output":[{item}],"usage":{{"input_tokens":{read},"output_tokens":{written},"input_tokens_details":{{"cached_tokens":{written},"cache_write_tokens":{written}}}}}}}}}"#
    )])
}

fn anthropic(number: usize) -> String {
    let (read, written) = pair(number);
    let start = format!(
        r#"{{"type":"message_start","message":{{"model":"m","usage":{{"input_tokens":{read},"cache_read_input_tokens":{written}}}}}}}"#
    );
    let end = format!(
        r#"{{"type":"message_delta","delta":{{"stop_reason":"end_turn"}},"usage":{{"output_tokens":{written},"cache_creation_input_tokens":{written}}}}}"#
    );
    events(&[
        &start,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"Fine."}}"#,
        &end,
        r#"{"type":"message_stop"}"#,
    ])
}

fn gemini(number: usize) -> String {
    let (read, written) = pair(number);
    events(&[&format!(
        r#"{{"candidates":[{{"content":{{"parts":[{{"text":"Fine."}}]}},"finishReason":"STOP"}}],"usageMetadata":{{"promptTokenCount":{read},"toolUsePromptTokenCount":{read},"candidatesTokenCount":{written},"thoughtsTokenCount":{written}}}}}"#
    )])
}

async fn usage(house: &House, id: &ProcessId) -> Usage {
    let state = house.node.state(id).await.unwrap();
    state.iter().find(|row| row.key == "usage").unwrap().value.read().unwrap()
}

/// The agent answers all the same, its calls are counted by their length, and another node
/// goes on with it.
async fn is_not_believed(protocol: &str, answer: Answer) {
    let line = Line::new(answer).await;
    let config = format!(
        "[providers.acme]\nprotocol = \"{protocol}\"\nurl = \"{}\"\n\
         [models]\ndefault = \"acme/big\"\n[prices.\"acme/big\"]\ninput = 3\noutput = 15\n",
        line.url
    );
    let mut house = House::new(line, &config, 100_000).await;
    let id = house.start().await;
    eventually(|| !house.line.bodies().is_empty()).await;
    house.listens(&id).await;
    for number in 1..=WRONG.len() {
        let usage = usage(&house, &id).await;
        let total = usage.total();
        assert!(usage.guessed && (1..50_000).contains(&total), "{protocol}, {number}: {usage:?}");
        if number == 2 {
            house.reopen("store.db").await;
        }
        house.say(&id, "and now?").await;
    }
    house.node.stop(Duration::ZERO).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_that_cannot_be_are_not_believed_of_chat_completions() {
    is_not_believed("chat", chat).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_that_cannot_be_are_not_believed_of_openai() {
    is_not_believed("openai", openai).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_that_cannot_be_are_not_believed_of_anthropic() {
    is_not_believed("anthropic", anthropic).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_that_cannot_be_are_not_believed_of_gemini() {
    is_not_believed("gemini", gemini).await;
}
