//! Requests as they are sent, and the documented streams.

use super::decode::Decoder;
use super::encode;
use crate::conversation::{Message, Origin, Part, Role, ToolCall, ToolResult};
use crate::provider::http::{Decode, Wrong};
use crate::provider::{Delta, Reply, Request, Stop, ToolChoice, ToolSpec, sse};
use serde_json::{Value, json};

fn encoded(request: &Request) -> Value {
    let reader = Origin { provider: "acme".into(), url: "http://acme.test".into() };
    serde_json::to_value(encode(request, &reader)).unwrap()
}

/// The provider's own form of a message.
fn blocks(message: &Message) -> Value {
    message.raw.as_ref().unwrap().blocks.read().unwrap()
}

fn decode(events: &[Value]) -> (Result<Reply, Wrong>, Vec<Delta>) {
    let request = Request { model: "claude-x".into(), ..Request::default() };
    let mut decoder = Decoder::new(&request);
    let mut deltas = Vec::new();
    for event in events {
        let event = sse::Event { name: String::new(), data: event.to_string() };
        if let Err(wrong) = decoder.take(&event, &mut |delta| deltas.push(delta)) {
            return (Err(wrong), deltas);
        }
    }
    (decoder.finish(), deltas)
}

fn start() -> Value {
    json!({"type": "message_start", "message": {"id": "msg_1", "role": "assistant", "content": [],
        "model": "claude-x-1", "stop_reason": null, "usage": {"input_tokens": 20,
        "cache_creation_input_tokens": 7, "cache_read_input_tokens": 300, "output_tokens": 1}}})
}

fn block(index: u64, block: Value, deltas: &[Value]) -> Vec<Value> {
    let mut events =
        vec![json!({"type": "content_block_start", "index": index, "content_block": block})];
    let deltas = deltas.iter();
    events
        .extend(deltas.map(|d| json!({"type": "content_block_delta", "index": index, "delta": d})));
    events.push(json!({"type": "content_block_stop", "index": index}));
    events
}

fn end(reason: &str) -> [Value; 2] {
    let delta = json!({"stop_reason": reason, "stop_sequence": null});
    [
        json!({"type": "message_delta", "delta": delta, "usage": {"output_tokens": 89, "input_tokens": null}}),
        json!({"type": "message_stop"}),
    ]
}

/// A stream with all that must not be lost.
fn thinking() -> Vec<Value> {
    let mut events = vec![start(), json!({"type": "ping"})];
    events.extend(block(
        0,
        json!({"type": "thinking", "thinking": "", "signature": ""}),
        &[
            json!({"type": "thinking_delta", "thinking": "The user wants "}),
            json!({"type": "thinking_delta", "thinking": "weather."}),
            json!({"type": "signature_delta", "signature": "EqQBCgIYAhIM1gbcDa9GJwZA2b3h"}),
        ],
    ));
    events.extend(block(1, json!({"type": "redacted_thinking", "data": "EmwKAhgBEgy3va3"}), &[]));
    events.extend(block(
        2,
        json!({"type": "text", "text": "", "citations": []}),
        &[
            json!({"type": "text_delta", "text": "I'll "}),
            json!({"type": "citations_delta", "citation": {"cited_text": "x", "start": 1}}),
            json!({"type": "text_delta", "text": "look."}),
        ],
    ));
    for (index, id) in [(3, "toolu_1"), (4, "toolu_2")] {
        events.extend(block(
            index,
            json!({"type": "tool_use", "id": id, "name": "weather", "input": {}}),
            &[
                json!({"type": "input_json_delta", "partial_json": ""}),
                json!({"type": "input_json_delta", "partial_json": "{\"city\": \"Os"}),
                json!({"type": "input_json_delta", "partial_json": "lo\"}"}),
            ],
        ));
    }
    events.extend(end("tool_use"));
    events
}

#[test]
fn thoughts_signatures_and_calls() {
    let (reply, deltas) = decode(&thinking());
    let reply = reply.unwrap();
    assert_eq!((reply.stop, reply.model.as_str()), (Stop::ToolCalls, "claude-x-1"));
    assert_eq!(reply.message.text(), "I'll look.");
    let usage = reply.usage;
    assert_eq!((usage.input, usage.output, usage.cache_read, usage.cache_write), (20, 89, 300, 7));
    let calls: Vec<_> = reply.message.tool_calls().collect();
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[1].arguments, json!({"city": "Oslo"}));
    let blocks = blocks(&reply.message);
    assert_eq!(
        blocks,
        json!([
            {"type": "thinking", "thinking": "The user wants weather.", "signature": "EqQBCgIYAhIM1gbcDa9GJwZA2b3h"},
            {"type": "redacted_thinking", "data": "EmwKAhgBEgy3va3"},
            {"type": "text", "text": "I'll look.", "citations": [{"cited_text": "x", "start": 1}]},
            {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Oslo"}},
            {"type": "tool_use", "id": "toolu_2", "name": "weather", "input": {"city": "Oslo"}},
        ])
    );
    assert_eq!(deltas[0], Delta::Thinking { text: "The user wants ".into() });
    assert!(deltas.contains(&Delta::ToolCall { id: "toolu_2".into(), name: "weather".into() }));
}

#[test]
fn blocks_go_back_as_they_came() {
    let reply = decode(&thinking()).0.unwrap();
    let blocks = blocks(&reply.message);
    // Through the journal and back.
    let kept = serde_json::to_string(&reply.message).unwrap();
    let message: Message = serde_json::from_str(&kept).unwrap();
    let result = |id: &str| {
        let (id, name) = (id.to_owned(), "weather".to_owned());
        Part::ToolResult(ToolResult { id, name, content: "rain".into(), failed: true })
    };
    let results = vec![Part::Text { text: "and?".into() }, result("toolu_1"), result("toolu_2")];
    let messages = vec![
        Message::user("hi"),
        message,
        Message { role: Role::User, content: results, raw: None },
    ];
    let body = encoded(&Request { messages, ..Request::default() });
    assert_eq!(body["messages"][1], json!({"role": "assistant", "content": blocks}));
    let last = body["messages"][2]["content"].as_array().unwrap();
    let types: Vec<_> = last.iter().map(|block| block["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["tool_result", "tool_result", "text"]);
    assert_eq!(last[0]["is_error"], json!(true));
    // The last two of the other side are marked, and nothing of the model's.
    assert_eq!(last[2]["cache_control"], json!({"type": "ephemeral"}));
    assert_eq!(body["messages"][0]["content"][0]["cache_control"], json!({"type": "ephemeral"}));
    assert_eq!(body.to_string().matches("cache_control").count(), 2);
}

#[test]
fn a_request_as_it_is_sent() {
    let call = ToolCall { id: "call:1".into(), name: "f".into(), arguments: json!("{oops") };
    let request = Request {
        model: "claude-x".into(),
        system: "Be short.".into(),
        messages: vec![
            Message::user("a"),
            Message::user("b"),
            Message { role: Role::Assistant, content: vec![Part::ToolCall(call)], raw: None },
            Message {
                role: Role::Assistant,
                content: vec![Part::Text { text: " ".into() }],
                raw: None,
            },
        ],
        tools: vec![ToolSpec {
            name: "f".into(),
            description: "d".into(),
            schema: json!({"type": "object"}),
        }],
        tool_choice: ToolChoice::Any,
        schema: Some(
            json!({"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}}),
        ),
        tokens_max: 0,
        temperature: None,
        extra: json!({"output_config": {"effort": "low"}, "thinking": {"type": "adaptive"}})
            .as_object()
            .unwrap()
            .clone(),
    };
    let cache = json!({"type": "ephemeral"});
    assert_eq!(
        encoded(&request),
        json!({
            "model": "claude-x", "stream": true, "max_tokens": 8192,
            "system": [{"type": "text", "text": "Be short.", "cache_control": cache}],
            "messages": [
                {"role": "user", "content": [
                    {"type": "text", "text": "a"}, {"type": "text", "text": "b", "cache_control": cache}]},
                {"role": "assistant", "content": [
                    {"type": "tool_use", "id": "call_1", "name": "f", "input": {"INVALID_JSON": "{oops"}}]},
            ],
            "tools": [{"name": "f", "description": "d", "input_schema": {"type": "object"}, "cache_control": cache}],
            "tool_choice": {"type": "any"},
            "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": {
                "type": "object", "additionalProperties": false, "properties": {"n": {"type": "integer"}}}}},
            "thinking": {"type": "adaptive"},
        })
    );
}

#[test]
fn ends() {
    let ended = |reason: &str| {
        let mut events = vec![start()];
        events.extend(end(reason));
        decode(&events).0.unwrap().stop
    };
    assert_eq!(ended("end_turn"), Stop::End);
    assert_eq!(ended("pause_turn"), Stop::Paused);
    assert_eq!(ended("refusal"), Stop::Refused);
    assert_eq!(ended("max_tokens"), Stop::Length);
    assert_eq!(ended("model_context_window_exceeded"), Stop::Length);
    assert_eq!(ended("odd"), Stop::Other("odd".into()));
    let refused = json!({"type": "message_delta", "delta": {"stop_reason": "refusal",
        "stop_details": {"type": "refusal", "explanation": "It might do harm."}}});
    let refused = decode(&[start(), refused]).0.unwrap();
    assert_eq!(
        (refused.stop, refused.message.text().as_str()),
        (Stop::Refused, "It might do harm.")
    );
}

#[test]
fn what_goes_wrong() {
    assert_eq!(decode(&[start()]).0, Err(Wrong::Cut));
    let lost = json!({"type": "content_block_delta", "index": 5, "delta": {"type": "text_delta", "text": "x"}});
    assert!(matches!(decode(&[start(), lost]).0, Err(Wrong::Nonsense(_))));
    let error =
        json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}});
    let Err(Wrong::Failed(complaint)) = decode(&[start(), error]).0 else {
        panic!("it is no complaint")
    };
    assert_eq!((complaint.status, complaint.message.as_str()), (529, "Overloaded"));
    // Broken arguments: the model's text for the loop, an object for the provider.
    let mut events = vec![start()];
    let tool = json!({"type": "tool_use", "id": "t", "name": "f", "input": {}});
    events.extend(block(
        0,
        tool,
        &[json!({"type": "input_json_delta", "partial_json": "{\"a\": "})],
    ));
    events.extend(end("max_tokens"));
    let reply = decode(&events).0.unwrap();
    assert_eq!(reply.message.tool_calls().next().unwrap().arguments, json!("{\"a\": "));
    assert_eq!(blocks(&reply.message)[0]["input"], json!({"INVALID_JSON": "{\"a\": "}));
}

#[test]
fn one_document_in_place_of_a_stream() {
    let document = json!({"type": "message", "role": "assistant", "model": "claude-y",
        "content": [{"type": "text", "text": "hi"}], "stop_reason": "end_turn",
        "usage": {"input_tokens": 3, "output_tokens": 2}});
    let (reply, deltas) = decode(&[document]);
    let reply = reply.unwrap();
    assert_eq!((reply.message.text().as_str(), reply.model.as_str()), ("hi", "claude-y"));
    assert_eq!((reply.usage.input, reply.usage.output), (3, 2));
    assert_eq!(deltas, [Delta::Text { text: "hi".into() }]);
}
