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
    let request = Request { model: "gpt-x".into(), ..Request::default() };
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

fn items() -> Vec<Value> {
    vec![
        json!({"id": "rs_1", "type": "reasoning", "encrypted_content": "gAAAAABo-very-secret",
            "summary": [{"type": "summary_text", "text": "Look it up."}]}),
        json!({"id": "msg_1", "type": "message", "role": "assistant", "status": "completed",
            "content": [{"type": "output_text", "text": "I'll look.", "annotations": []}]}),
        json!({"id": "fc_1", "type": "function_call", "call_id": "call_1", "name": "weather",
            "arguments": "{\"city\": \"Oslo\"}", "status": "completed"}),
        json!({"id": "fc_2", "type": "function_call", "call_id": "call_2", "name": "weather",
            "arguments": "{\"city\": ", "status": "completed"}),
    ]
}

fn response(output: &[Value]) -> Value {
    json!({"id": "resp_1", "object": "response", "status": "completed", "model": "gpt-x-2026",
        "output": output, "incomplete_details": null, "error": null,
        "usage": {"input_tokens": 120, "input_tokens_details": {"cached_tokens": 100, "cache_write_tokens": 5},
            "output_tokens": 40, "output_tokens_details": {"reasoning_tokens": 30}, "total_tokens": 160}})
}

fn stream(whole: &Value) -> Vec<Value> {
    let mut events = vec![
        json!({"type": "response.created", "response": {"status": "in_progress"}}),
        json!({"type": "response.reasoning_summary_text.delta", "output_index": 0, "delta": "Look"}),
        json!({"type": "response.output_text.delta", "output_index": 1, "delta": "I'll "}),
        json!({"type": "response.output_text.delta", "output_index": 1, "delta": "look."}),
    ];
    for (place, item) in items().iter().enumerate() {
        let mut added = item.clone();
        added["arguments"] = json!("");
        events.push(
            json!({"type": "response.output_item.added", "output_index": place, "item": added}),
        );
        events.push(json!({"type": "response.function_call_arguments.delta", "output_index": place, "delta": "{"}));
        events.push(
            json!({"type": "response.output_item.done", "output_index": place, "item": item}),
        );
    }
    events.push(json!({"type": "response.completed", "response": whole}));
    events
}

#[test]
fn items_usage_and_deltas() {
    for whole in [response(&items()), response(&[])] {
        let (reply, deltas) = decode(&stream(&whole));
        let reply = reply.unwrap();
        assert_eq!((reply.stop, reply.model.as_str()), (Stop::ToolCalls, "gpt-x-2026"));
        assert_eq!(reply.message.text(), "I'll look.");
        let calls: Vec<_> = reply.message.tool_calls().collect();
        assert_eq!(
            (calls[0].id.as_str(), &calls[0].arguments),
            ("call_1", &json!({"city": "Oslo"}))
        );
        assert_eq!(calls[1].arguments, json!("{\"city\": "));
        let usage = reply.usage;
        assert_eq!(
            (usage.input, usage.cache_read, usage.cache_write, usage.output),
            (15, 100, 5, 40)
        );
        assert_eq!(blocks(&reply.message), json!(items()));
        assert_eq!(deltas.len(), 5);
        assert_eq!(deltas[0], Delta::Thinking { text: "Look".into() });
    }
}

#[test]
fn items_go_back_as_they_came() {
    let reply = decode(&stream(&response(&items()))).0.unwrap();
    let kept = serde_json::to_string(&reply.message).unwrap();
    let message: Message = serde_json::from_str(&kept).unwrap();
    let result = |id: &str, failed| {
        let (id, name) = (id.to_owned(), "weather".to_owned());
        Part::ToolResult(ToolResult { id, name, content: "rain".into(), failed })
    };
    let content =
        vec![Part::Text { text: "and?".into() }, result("call_1", false), result("call_2", true)];
    let messages =
        vec![Message::user("hi"), message, Message { role: Role::User, content, raw: None }];
    let body = encoded(&Request { messages, ..Request::default() });
    let input = body["input"].as_array().unwrap();
    assert_eq!(input[1..5], items());
    assert_eq!(
        input[5..],
        [
            json!({"type": "function_call_output", "call_id": "call_1", "output": "rain"}),
            json!({"type": "function_call_output", "call_id": "call_2", "output": "error: rain"}),
            json!({"role": "user", "content": "and?"}),
        ]
    );
}

#[test]
fn a_request_as_it_is_sent() {
    let call = ToolCall { id: "toolu_1".into(), name: "f".into(), arguments: json!({"x": 1}) };
    let said = vec![Part::Text { text: "ok".into() }, Part::ToolCall(call)];
    let strict = json!({"type": "object", "properties": {}, "additionalProperties": false});
    let request = Request {
        model: "gpt-x".into(),
        system: "Be short.".into(),
        messages: vec![Message { role: Role::Assistant, content: said, raw: None }],
        tools: vec![ToolSpec {
            name: "f".into(),
            description: "d".into(),
            schema: json!({"type": "object"}),
        }],
        tool_choice: ToolChoice::Tool("f".into()),
        schema: Some(strict.clone()),
        tokens_max: 9,
        temperature: Some(0.5),
        extra: json!({"reasoning": {"effort": "low"}, "text": {"verbosity": "low"}})
            .as_object()
            .unwrap()
            .clone(),
    };
    assert_eq!(
        encoded(&request),
        json!({
            "model": "gpt-x", "stream": true, "store": false, "instructions": "Be short.",
            "include": ["reasoning.encrypted_content"],
            "input": [
                {"role": "assistant", "content": "ok"},
                {"type": "function_call", "call_id": "toolu_1", "name": "f", "arguments": "{\"x\":1}"},
            ],
            "tools": [{"type": "function", "name": "f", "description": "d",
                "parameters": {"type": "object"}, "strict": false}],
            "tool_choice": {"type": "function", "name": "f"},
            "text": {"verbosity": "low", "format": {
                "type": "json_schema", "name": "reply", "schema": strict, "strict": true}},
            "max_output_tokens": 9, "temperature": 0.5, "reasoning": {"effort": "low"},
        })
    );
}

#[test]
fn ends_and_what_goes_wrong() {
    let ended = |reason: &str| {
        let mut whole = response(&items());
        whole["status"] = json!("incomplete");
        whole["incomplete_details"] = json!({"reason": reason});
        decode(&[json!({"type": "response.incomplete", "response": whole})]).0.unwrap().stop
    };
    assert_eq!(ended("max_output_tokens"), Stop::Length);
    assert_eq!(ended("content_filter"), Stop::Refused);
    assert_eq!(ended("odd"), Stop::Other("odd".into()));
    let refusal = json!({"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]});
    let refused =
        decode(&[json!({"type": "response.completed", "response": response(&[refusal])})]);
    let refused = refused.0.unwrap();
    assert_eq!((refused.stop, refused.message.text().as_str()), (Stop::Refused, "No."));
    assert_eq!(decode(&stream(&json!({}))[..6]).0, Err(Wrong::Cut));
    let failed = |code: &str| {
        let whole = json!({"status": "failed", "error": {"code": code, "message": "Oh."}});
        match decode(&[json!({"type": "response.failed", "response": whole})]).0 {
            Err(Wrong::Failed(complaint)) => (complaint.status, complaint.message),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(failed("server_error"), (500, "Oh.".to_owned()));
    assert_eq!(failed("rate_limit_exceeded"), (429, "Oh.".to_owned()));
    let error = json!({"type": "error", "code": "server_error", "message": "Oh.", "param": null});
    assert!(matches!(decode(&[error]).0, Err(Wrong::Failed(_))));
}

#[test]
fn one_document_in_place_of_a_stream() {
    let (reply, deltas) = decode(&[response(&items())]);
    assert_eq!(reply.unwrap().message.tool_calls().count(), 2);
    assert_eq!(deltas.len(), 2);
}
