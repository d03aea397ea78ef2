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

fn decode(chunks: &[Value]) -> (Result<Reply, Wrong>, Vec<Delta>) {
    let request = Request { model: "gemini-x".into(), ..Request::default() };
    let mut decoder = Decoder::new(&request, "agent/x:1");
    let mut deltas = Vec::new();
    for chunk in chunks {
        let event = sse::Event { name: String::new(), data: chunk.to_string() };
        if let Err(wrong) = decoder.take(&event, &mut |delta| deltas.push(delta)) {
            return (Err(wrong), deltas);
        }
    }
    (decoder.finish(), deltas)
}

fn chunk(parts: Value) -> Value {
    json!({"candidates": [{"content": {"role": "model", "parts": parts}, "index": 0}], "modelVersion": "gemini-x-1"})
}

fn end(reason: &str) -> Value {
    json!({"candidates": [{"content": {"role": "model", "parts": [{"text": ""}]}, "finishReason": reason}],
        "usageMetadata": {"promptTokenCount": 50, "cachedContentTokenCount": 30, "candidatesTokenCount": 7,
            "thoughtsTokenCount": 11, "totalTokenCount": 68}})
}

fn stream() -> Vec<Value> {
    vec![
        chunk(json!([{"text": "I should ", "thought": true}])),
        chunk(json!([{"text": "look.", "thought": true}])),
        chunk(json!([{"text": "Let me "}])),
        chunk(json!([{"text": "see."}])),
        chunk(json!([
            {"functionCall": {"name": "weather", "args": {"city": "Oslo"}}, "thoughtSignature": "CiQB"},
            {"functionCall": {"name": "weather", "args": {"city": "Bergen"}, "id": "given"}},
        ])),
        chunk(json!([{"text": "", "thoughtSignature": "Abcd"}])),
        end("STOP"),
    ]
}

#[test]
fn parts_signatures_and_calls() {
    let (reply, deltas) = decode(&stream());
    let reply = reply.unwrap();
    assert_eq!((reply.stop, reply.model.as_str()), (Stop::ToolCalls, "gemini-x-1"));
    assert_eq!(reply.message.text(), "Let me see.");
    let calls: Vec<_> = reply.message.tool_calls().collect();
    assert_eq!((calls[1].id.as_str(), &calls[1].arguments), ("given", &json!({"city": "Bergen"})));
    assert!(calls[0].id.starts_with("greenroom_"), "{}", calls[0].id);
    assert_eq!((reply.usage.input, reply.usage.cache_read, reply.usage.output), (20, 30, 18));
    assert_eq!(deltas[0], Delta::Thinking { text: "I should ".into() });
    assert_eq!(
        blocks(&reply.message),
        json!([
            {"text": "I should look.", "thought": true},
            {"text": "Let me see."},
            {"functionCall": {"name": "weather", "args": {"city": "Oslo"}}, "thoughtSignature": "CiQB"},
            {"functionCall": {"name": "weather", "args": {"city": "Bergen"}, "id": "given"}},
            {"text": "", "thoughtSignature": "Abcd"},
            {"text": ""},
        ])
    );
}

#[test]
fn parts_go_back_as_they_came_and_results_find_their_calls() {
    let reply = decode(&stream()).0.unwrap();
    let kept = serde_json::to_string(&reply.message).unwrap();
    let message: Message = serde_json::from_str(&kept).unwrap();
    let blocks = blocks(&message);
    let mut content = vec![Part::Text { text: "and?".into() }];
    for (place, call) in reply.message.tool_calls().enumerate() {
        let (id, name) = (call.id.clone(), call.name.clone());
        let failed = place == 1;
        content.push(Part::ToolResult(ToolResult { id, name, content: "rain".into(), failed }));
    }
    let messages =
        vec![Message::user("hi"), message, Message { role: Role::User, content, raw: None }];
    let body = encoded(&Request { messages, ..Request::default() });
    assert_eq!(body["contents"][1], json!({"role": "model", "parts": blocks}));
    // The id of our making is not told.
    assert_eq!(
        body["contents"][2]["parts"],
        json!([
            {"functionResponse": {"name": "weather", "response": {"output": "rain"}}},
            {"functionResponse": {"name": "weather", "response": {"error": "rain"}, "id": "given"}},
            {"text": "and?"},
        ])
    );
}

#[test]
fn a_request_as_it_is_sent() {
    let call = |id: &str| {
        Part::ToolCall(ToolCall { id: id.into(), name: "f".into(), arguments: json!({"x": 1}) })
    };
    let request = Request {
        model: "gemini-x".into(),
        system: "Be short.".into(),
        messages: vec![
            Message::user("a"),
            Message { role: Role::Assistant, content: vec![call("c1"), call("c2")], raw: None },
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
        extra: json!({"generationConfig": {"thinkingConfig": {"thinkingBudget": 0}}})
            .as_object()
            .unwrap()
            .clone(),
    };
    assert_eq!(
        encoded(&request),
        json!({
            "systemInstruction": {"parts": [{"text": "Be short."}]},
            "contents": [
                {"role": "user", "parts": [{"text": "a"}]},
                {"role": "model", "parts": [
                    {"functionCall": {"id": "c1", "name": "f", "args": {"x": 1}},
                        "thoughtSignature": "skip_thought_signature_validator"},
                    {"functionCall": {"id": "c2", "name": "f", "args": {"x": 1}}}]},
            ],
            "tools": [{"functionDeclarations": [
                {"name": "f", "description": "d", "parametersJsonSchema": {"type": "object"}}]}],
            "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
            "generationConfig": {"responseMimeType": "application/json",
                "responseJsonSchema": {"type": "object"}, "maxOutputTokens": 9, "temperature": 0.5,
                "thinkingConfig": {"thinkingBudget": 0}},
        })
    );
    assert_eq!(encoded(&Request::default()), json!({"contents": []}));
}

#[test]
fn ends_and_what_goes_wrong() {
    let ended = |reason: &str| decode(&[chunk(json!([{"text": "x"}])), end(reason)]).0;
    assert_eq!(ended("STOP").unwrap().stop, Stop::End);
    assert_eq!(ended("MAX_TOKENS").unwrap().stop, Stop::Length);
    assert_eq!(ended("SAFETY").unwrap().stop, Stop::Refused);
    assert_eq!(ended("ODD").unwrap().stop, Stop::Other("ODD".into()));
    assert!(matches!(ended("MALFORMED_FUNCTION_CALL"), Err(Wrong::Nonsense(_))));
    assert_eq!(decode(&[chunk(json!([{"text": "x"}]))]).0, Err(Wrong::Cut));
    let blocked = decode(&[json!({"promptFeedback": {"blockReason": "SAFETY"}})]).0.unwrap();
    assert_eq!(blocked.stop, Stop::Refused);
    assert!(blocked.message.text().contains("blocked"), "{}", blocked.message.text());
    let error = json!({"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}});
    let Err(Wrong::Failed(complaint)) = decode(&[error]).0 else { panic!("it is no complaint") };
    assert_eq!(complaint.status, 503);
    // Without `alt=sse`, one list.
    assert_eq!(
        decode(&[json!([chunk(json!([{"text": "hi"}])), end("STOP")])]).0.unwrap().message.text(),
        "hi"
    );
}
