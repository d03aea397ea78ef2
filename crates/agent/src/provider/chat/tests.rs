//! Requests as they are sent, and dialects as they come.

use super::decode::Decoder;
use super::encode;
use crate::conversation::{Message, Origin, Part, Role, ToolCall, ToolResult};
use crate::provider::http::{Decode, Wrong};
use crate::provider::{Delta, Reply, Request, Stop, ToolChoice, ToolSpec, sse};
use serde_json::{Value, json};

fn encoded(request: &Request) -> Value {
    let reader = Origin { provider: "acme".into(), url: "http://acme.test".into() };
    serde_json::to_value(encode(request, "max_tokens", &reader)).unwrap()
}

/// The provider's own form of a message.
fn blocks(message: &Message) -> Value {
    message.raw.as_ref().unwrap().blocks.read().unwrap()
}

fn decode(chunks: &[&str]) -> (Result<Reply, Wrong>, Vec<Delta>) {
    let request = Request { model: "m".into(), ..Request::default() };
    let mut decoder = Decoder::new(&request, "agent/x:1");
    let mut deltas = Vec::new();
    for chunk in chunks {
        let event = sse::Event { name: String::new(), data: (*chunk).to_owned() };
        let mut on_delta = |delta| deltas.push(delta);
        if let Err(wrong) = decoder.take(&event, &mut on_delta) {
            return (Err(wrong), deltas);
        }
    }
    (decoder.finish(), deltas)
}

fn reply(chunks: &[&str]) -> Reply {
    decode(chunks).0.unwrap()
}

fn calls(reply: &Reply) -> Vec<(&str, &str, Value)> {
    let calls = reply.message.tool_calls();
    calls.map(|call| (call.id.as_str(), call.name.as_str(), call.arguments.clone())).collect()
}

#[test]
fn words_usage_and_deltas() {
    let (reply, deltas) = decode(&[
        r#"{"model":"gpt-x","choices":[{"index":0,"delta":{"role":"assistant","content":""}}],"usage":null}"#,
        r#"{"model":"gpt-x","choices":[{"index":0,"delta":{"content":"Hel"}}]}"#,
        r#"{"model":"gpt-x","choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":"stop"}]}"#,
        r#"{"model":"gpt-x","choices":[],"usage":{"prompt_tokens":100,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":80}}}"#,
        "[DONE]",
    ]);
    let reply = reply.unwrap();
    assert_eq!((reply.message.text().as_str(), &reply.stop), ("Hello", &Stop::End));
    assert_eq!((reply.usage.input, reply.usage.cache_read, reply.usage.output), (20, 80, 5));
    assert!(!reply.usage.guessed);
    assert_eq!(reply.model, "gpt-x");
    let texts = ["Hel", "lo"].map(|text| Delta::Text { text: text.into() });
    assert_eq!(deltas, texts);
}

#[test]
fn parallel_calls_in_pieces() {
    let (reply, deltas) = decode(&[
        r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"add","arguments":""}}]}}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\":"}}]}}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":[{"index":1,"id":"c2","type":"function","function":{"name":"now","arguments":""}}]}}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":" 1}"}}]}}]}"#,
        r#"{"choices":[{"delta":{},"finish_reason":"tool_calls"}]}"#,
        "[DONE]",
    ]);
    let reply = reply.unwrap();
    assert_eq!(calls(&reply), [("c1", "add", json!({"a": 1})), ("c2", "now", json!({}))]);
    assert_eq!(reply.stop, Stop::ToolCalls);
    assert_eq!(deltas.len(), 2);
    // Given back letter by letter, the space in the arguments too.
    let raw = blocks(&reply.message);
    assert_eq!(raw["tool_calls"][0]["function"]["arguments"], "{\"a\": 1}");
}

#[test]
fn dialects_of_calls() {
    // Ollama: no place, an object, `stop`.
    let ollama = reply(&[
        r#"{"choices":[{"delta":{"tool_calls":[{"id":"a","function":{"name":"f","arguments":{"x":1}}},{"id":"b","function":{"name":"g","arguments":{}}}]},"finish_reason":"stop"}]}"#,
        "[DONE]",
    ]);
    assert_eq!(calls(&ollama), [("a", "f", json!({"x": 1})), ("b", "g", json!({}))]);
    assert_eq!(ollama.stop, Stop::ToolCalls);
    // No ids at all: they are made, and differ.
    let nameless = reply(&[
        r#"{"choices":[{"delta":{"tool_calls":[{"function":{"name":"f","arguments":"{}"}},{"function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}"#,
    ]);
    let made = calls(&nameless);
    assert_eq!(made.len(), 2);
    assert_ne!(made[0].0, made[1].0);
    let raw = blocks(&nameless.message);
    assert_eq!(raw["tool_calls"][1]["id"], made[1].0);
    // All in place 0, each with an id of its own.
    let zero = reply(&[
        r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]}}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"b","function":{"name":"g","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}"#,
    ]);
    assert_eq!(calls(&zero).len(), 2);
    // Broken arguments stay the model's text.
    let broken = reply(&[
        r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\": oops"}}]},"finish_reason":"tool_calls"}]}"#,
    ]);
    assert_eq!(calls(&broken)[0].2, json!("{\"x\": oops"));
}

#[test]
fn thoughts_and_unknown_fields_are_kept() {
    let (reply, deltas) = decode(&[
        r#"{"choices":[{"delta":{"reasoning_content":"hm"}}]}"#,
        r#"{"choices":[{"delta":{"reasoning_content":"m","reasoning_details":[{"type":"reasoning.encrypted","data":"x"}]}}]}"#,
        r#"{"choices":[{"delta":{"reasoning_details":[{"type":"reasoning.encrypted","data":"y"}],"content":"ok"},"finish_reason":"stop"}]}"#,
        "[DONE]",
    ]);
    let raw = blocks(&reply.unwrap().message);
    assert_eq!(raw["reasoning_content"], "hmm");
    assert_eq!(raw["reasoning_details"].as_array().unwrap().len(), 2);
    assert_eq!(deltas[0], Delta::Thinking { text: "hm".into() });
}

#[test]
fn one_document_in_place_of_a_stream() {
    let reply = reply(&[
        r#"{"object":"chat.completion","model":"m","choices":[{"message":{"role":"assistant","content":"four"},"finish_reason":"stop"}]}"#,
    ]);
    assert_eq!(reply.message.text(), "four");
}

#[test]
fn ends() {
    let end = |finish: &str| {
        reply(&[&format!(
            r#"{{"choices":[{{"delta":{{"content":"x"}},"finish_reason":"{finish}"}}]}}"#
        )])
        .stop
    };
    assert_eq!(end("stop"), Stop::End);
    assert_eq!(end("length"), Stop::Length);
    assert_eq!(end("content_filter"), Stop::Refused);
    assert_eq!(end("odd"), Stop::Other("odd".into()));
    let refused = reply(&[r#"{"choices":[{"delta":{"refusal":"no"},"finish_reason":"stop"}]}"#]);
    assert_eq!((refused.stop, refused.message.text().as_str()), (Stop::Refused, "no"));
    let cut = decode(&[r#"{"choices":[{"delta":{"content":"x"}}]}"#]).0;
    assert_eq!(cut, Err(Wrong::Cut));
    assert!(matches!(decode(&["[DONE]"]).0, Err(Wrong::Nonsense(_))));
    assert!(matches!(decode(&["{"]).0, Err(Wrong::NoJson { .. })));
    let failed = decode(&[r#"{"error":{"message":"boom","code":502}}"#]).0;
    assert!(matches!(failed, Err(Wrong::Failed(_))));
}

#[test]
fn a_request_as_it_is_sent() {
    let call = ToolCall { id: "c".into(), name: "f".into(), arguments: json!({"x": 1}) };
    let result =
        ToolResult { id: "c".into(), name: "f".into(), content: "no".into(), failed: true };
    let request = Request {
        model: "m".into(),
        system: "Be short.".into(),
        messages: vec![
            Message::user("hi"),
            Message { role: Role::Assistant, content: vec![Part::ToolCall(call)], raw: None },
            Message {
                role: Role::User,
                content: vec![Part::Text { text: "and".into() }, Part::ToolResult(result)],
                raw: None,
            },
        ],
        tools: vec![ToolSpec {
            name: "f".into(),
            description: "d".into(),
            schema: json!({"type": "object"}),
        }],
        tool_choice: ToolChoice::Tool("f".into()),
        schema: Some(json!({"type": "object"})),
        tokens_max: 9,
        temperature: Some(0.5),
        extra: json!({"seed": 1, "stream_options": {"x": 1}}).as_object().unwrap().clone(),
    };
    let body = encoded(&request);
    assert_eq!(
        body,
        json!({
            "model": "m", "stream": true, "stream_options": {"include_usage": true, "x": 1},
            "messages": [
                {"role": "system", "content": "Be short."},
                {"role": "user", "content": "hi"},
                {"role": "assistant", "content": "", "tool_calls": [
                    {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{\"x\":1}"}}]},
                {"role": "tool", "tool_call_id": "c", "content": "error: no"},
                {"role": "user", "content": "and"},
            ],
            "tools": [{"type": "function", "function": {
                "name": "f", "description": "d", "parameters": {"type": "object"}}}],
            "tool_choice": {"type": "function", "function": {"name": "f"}},
            "response_format": {"type": "json_schema", "json_schema": {
                "name": "reply", "schema": {"type": "object"}, "strict": false}},
            "max_tokens": 9, "temperature": 0.5, "seed": 1,
        })
    );
}

#[test]
fn what_came_goes_back_but_for_old_thoughts() {
    let first = reply(&[
        r#"{"choices":[{"delta":{"reasoning_content":"hm","content":"ok","audio":{"id":"a"}},"finish_reason":"stop"}]}"#,
    ]);
    let raw = blocks(&first.message);
    let mut request =
        Request { messages: vec![Message::user("a"), first.message], ..Request::default() };
    assert_eq!(encoded(&request)["messages"][1], raw);
    request.messages.push(Message::user("b"));
    let old = &encoded(&request)["messages"][1];
    assert_eq!(*old, json!({"role": "assistant", "content": "ok", "audio": {"id": "a"}}));
}

#[test]
fn blocks_go_back_to_whom_they_came_from_alone() {
    let read = |by: &str| -> Message {
        let text = format!(
            r#"{{"role":"assistant","content":[{{"type":"text","text":"told"}}],
                "raw":{{"protocol":"chat",{by}"blocks":{{"content":"sealed"}}}}}}"#
        );
        serde_json::from_str(&text).unwrap()
    };
    let said = |by: &str| {
        let messages = vec![read(by)];
        encoded(&Request { messages, ..Request::default() })["messages"][0]["content"].clone()
    };
    // As it was written before it was noted whose it is.
    assert_eq!(said(""), "sealed");
    assert_eq!(said(r#""by":{"provider":"acme","url":"http://acme.test"},"#), "sealed");
    assert_eq!(said(r#""by":{"provider":"acme","url":"http://else.test"},"#), "told");
    assert_eq!(said(r#""by":{"provider":"else","url":"http://acme.test"},"#), "told");
}
