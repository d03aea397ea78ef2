//! What a provider has sent goes back to it to the letter: numbers that no machine word
//! holds, the order of fields, fields that nobody knows, and names that stand there
//! twice. Through whole agents on nodes whose journal is in SQLite.

use crate::house::House;
use crate::line::{Answer, Line};
use greenroom_agent::UNDO_COMPACTION;
use serde_json::{Value, json};
use std::io::Cursor;
use std::time::Duration;

/// Fields that a machine's numbers, a sorted map, and a map of unique names all change.
macro_rules! odd {
    () => {
        r#""zeta":0.1234567890123456789,"alpha":{"b": 1e400, "a":12345678901234567890123, "a":-0.0}"#
    };
}

/// A tool's arguments with spaces, and with more digits than a machine's number has.
macro_rules! arguments {
    () => {
        r#"{"z": 12345678901234567890123, "city": "Oslo", "f": 0.1234567890123456789}"#
    };
}

pub fn events(data: &[&str]) -> String {
    data.iter().map(|data| format!("data: {data}\n\n")).collect()
}

/// JSON as it stands in a JSON string.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn anthropic(number: usize) -> String {
    let end = |why: &str| {
        format!(
            r#"{{"type":"message_delta","delta":{{"stop_reason":"{why}"}},"usage":{{"output_tokens":9}}}}"#
        )
    };
    let start = r#"{"type":"message_start","message":{"model":"m","usage":{"input_tokens":9}}}"#;
    let stop = r#"{"type":"message_stop"}"#;
    if number > 0 {
        return events(&[
            // For a compaction, where there is little room.
            r#"{"type":"message_start","message":{"model":"m","usage":{"input_tokens":5000}}}"#,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Fine."}}"#,
            &end("end_turn"),
            stop,
        ]);
    }
    let (first, second) = arguments!().split_at(30);
    let input = |piece: &str| {
        format!(
            r#"{{"type":"content_block_delta","index":2,"delta":{{"type":"input_json_delta","partial_json":{}}}}}"#,
            quoted(piece)
        )
    };
    events(&[
        start,
        concat!(
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":"","#,
            odd!(),
            "}}"
        ),
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"I should "}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"look."}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"EqQB"}}"#,
        r#"{"type":"content_block_start","index":1,"content_block":{"type":"redacted_thinking","data":"EmwK","n":1.50}}"#,
        r#"{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","name":"weather","id":"toolu_1","input":{}}}"#,
        &input(first),
        &input(second),
        &end("tool_use"),
        stop,
    ])
}

const ANTHROPIC: &str = concat!(
    r#"[{"type":"thinking","thinking":"I should look.","signature":"EqQB","#,
    odd!(),
    r#"},{"type":"redacted_thinking","data":"EmwK","n":1.50},"#,
    r#"{"type":"tool_use","name":"weather","id":"toolu_1","input":"#,
    arguments!(),
    "}]"
);

fn openai(number: usize) -> String {
    let completed = |output: &str| {
        events(&[&format!(
            r#"{{"type":"response.completed","response":{{"status":"completed","model":"m","output":[{output}],"usage":{{"input_tokens":9,"output_tokens":9}}}}}}"#
        )])
    };
    if number > 0 {
        return completed(
            r#"{"type":"message","role":"assistant","content":[{"type":"output_text","text":"Fine."}]}"#,
        );
    }
    completed(OPENAI)
}

const OPENAI: &str = concat!(
    r#"{"type":"reasoning","id":"rs_1", "summary":[],"encrypted_content":"gAAA","#,
    odd!(),
    r#"},{"type":"function_call","name":"weather","id":"fc_1","call_id":"call_1","n":1.50,"#,
    r#""arguments":"{\"z\": 12345678901234567890123, \"city\": \"Oslo\"}"}"#
);

fn chat(number: usize) -> String {
    let chunk = |delta: &str, finish: &str| {
        format!(r#"{{"model":"m","choices":[{{"delta":{delta},"finish_reason":{finish}}}]}}"#)
    };
    let usage = r#"{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":9}}"#;
    if number > 0 {
        return events(&[&chunk(r#"{"content":"Fine."}"#, "\"stop\""), usage, "[DONE]"]);
    }
    let (first, second) = arguments!().split_at(30);
    let call = concat!(
        r#"{"tool_calls":[{"index":0,"function":{"name":"weather","arguments":"","mark":1e400},"#,
        r#""type":"function","id":"c1","#,
        odd!(),
        "}]}"
    );
    let piece = |piece: &str| {
        let arguments = quoted(piece);
        format!(r#"{{"tool_calls":[{{"index":0,"function":{{"arguments":{arguments}}}}}]}}"#)
    };
    events(&[
        &chunk(concat!(r#"{"role":"assistant","content":null,"#, odd!(), "}"), "null"),
        &chunk(r#"{"reasoning_details":[{"z":1.50,"a":1}]}"#, "null"),
        &chunk(r#"{"reasoning_details":[{"z":2.50, "a":1e400}]}"#, "null"),
        &chunk(r#"{"content":"Let me "}"#, "null"),
        &chunk(r#"{"content":"look."}"#, "null"),
        &chunk(call, "null"),
        &chunk(&piece(first), "null"),
        &chunk(&piece(second), "\"tool_calls\""),
        usage,
        "[DONE]",
    ])
}

const CHAT: &str = concat!(
    r#"{"role":"assistant","content":"Let me look.","#,
    odd!(),
    r#","reasoning_details":[{"z":1.50,"a":1},{"z":2.50, "a":1e400}],"#,
    r#""tool_calls":[{"function":{"name":"weather","#,
    r#""arguments":"{\"z\": 12345678901234567890123, \"city\": \"Oslo\", \"f\": 0.1234567890123456789}","#,
    r#""mark":1e400},"type":"function","id":"c1","#,
    odd!(),
    "}]}"
);

fn gemini(number: usize) -> String {
    let chunk = |parts: &str| {
        events(&[&format!(
            r#"{{"candidates":[{{"content":{{"role":"model","parts":[{parts}]}},"finishReason":"STOP"}}],"usageMetadata":{{"promptTokenCount":9,"candidatesTokenCount":9}}}}"#
        )])
    };
    if number > 0 { chunk(r#"{"text":"Fine."}"#) } else { chunk(GEMINI) }
}

const GEMINI: &str = concat!(
    r#"{"text":"I should look.","thought":true,"#,
    odd!(),
    r#"},{"functionCall":{"name":"weather","args":"#,
    arguments!(),
    r#"}, "thoughtSignature":"CiQB","n":1.50}"#
);

async fn house(protocol: &str, answer: Answer, context: u64) -> House {
    let line = Line::new(answer).await;
    let config = format!(
        "[providers.acme]\nprotocol = \"{protocol}\"\nurl = \"{}\"\n\
         [models]\ndefault = \"acme/big\"\n",
        line.url
    );
    House::new(line, &config, context).await
}

/// Through the journal, a restart, a fork, and another store.
async fn goes_back(protocol: &str, answer: Answer, wanted: &str) {
    let mut house = house(protocol, answer, 100_000).await;
    let id = house.begin().await;
    let has = |body: &str, when: &str| {
        assert!(body.contains(wanted), "{protocol}, {when}:\n{wanted}\nis not in\n{body}");
    };
    has(&house.line.bodies()[1], "at once");
    house.reopen("store.db").await;
    has(&house.say(&id, "and now?").await, "after a restart");
    let fork = house.node.fork(&id, None, Some("fork"), "test").await.unwrap();
    has(&house.say(&fork, "and there?").await, "in a fork");
    let (mut export, mut text) = (house.node.export(), String::new());
    while let (next, Some(page)) = house.node.export_page(export).await.unwrap() {
        text.push_str(&page.text);
        export = next;
    }
    house.reopen("another.db").await;
    let done = house.node.import(Cursor::new(text.into_bytes())).await.unwrap();
    assert_eq!((done.imported, done.missing.len()), (2, 0));
    has(&house.say(&id, "and here?").await, "after an import");
    house.node.stop(Duration::ZERO).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn anthropics_blocks_go_back_to_the_letter() {
    goes_back("anthropic", anthropic, ANTHROPIC).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn openais_items_go_back_to_the_letter() {
    goes_back("openai", openai, OPENAI).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_chat_completions_goes_back_to_the_letter() {
    goes_back("chat", chat, CHAT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn geminis_parts_go_back_to_the_letter() {
    goes_back("gemini", gemini, GEMINI).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_compaction_left_out_comes_back_to_the_letter() {
    let house = house("anthropic", anthropic, 600).await;
    let id = house.begin().await;
    let is_done = |key: &str, value: &Value| {
        key.starts_with("compaction/") && !value["summary"].is_null() && value["undone"] != true
    };
    let mut last = String::new();
    for number in 0..4 {
        last = house.say(&id, &format!("and {number}?")).await;
    }
    house.until(&id, is_done).await;
    assert!(!last.contains("EqQB"), "it was left out: {last}");
    house.send(&id, UNDO_COMPACTION, json!(null)).await;
    house.until(&id, |key, value| key.starts_with("compaction/") && value["undone"] == true).await;
    let body = house.say(&id, "and now?").await;
    assert!(body.contains(ANTHROPIC), "{ANTHROPIC}\nis not in\n{body}");
    house.node.stop(Duration::ZERO).await;
}

/// After a hundred calls a conversation goes on in a new segment of the journal.
#[tokio::test(flavor = "multi_thread")]
async fn in_the_next_segment_of_the_journal_it_stands_to_the_letter() {
    let mut house = house("anthropic", anthropic, 1_000_000).await;
    let id = house.begin().await;
    for number in 0..100 {
        house.say(&id, &number.to_string()).await;
    }
    house.reopen("store.db").await;
    let body = house.say(&id, "and now?").await;
    assert!(body.contains(ANTHROPIC), "{ANTHROPIC}\nis not in\n{body}");
    let row = house.node.process(&id).await.unwrap();
    assert!(row.segment.0 > 1, "{row:?}");
    house.node.stop(Duration::ZERO).await;
}
