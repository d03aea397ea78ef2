//! A turn as Chat Completions says it. Knows no HTTP and no time.

use super::piece::{Call, Piece, tokens};
use super::script::{Fault, MODEL, Turn};
use crate::provider::Usage;
use serde_json::{Value, json};

fn chunk(delta: &Value, finish: Option<&str>) -> String {
    let chunk = json!({
        "id": "chatcmpl-script", "object": "chat.completion.chunk", "created": 0, "model": MODEL,
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    });
    format!("data: {chunk}\n\n")
}

fn finish(turn: &Turn, calls: &[Call]) -> String {
    let fitting = if calls.is_empty() { "stop" } else { "tool_calls" };
    turn.finish.clone().unwrap_or_else(|| fitting.to_owned())
}

fn usage_json(usage: Usage) -> Value {
    let prompt = Usage { output: 0, ..usage }.total();
    json!({
        "prompt_tokens": prompt, "completion_tokens": usage.output,
        "total_tokens": usage.total(),
        "prompt_tokens_details": {
            "cached_tokens": usage.cache_read, "cache_write_tokens": usage.cache_write,
        },
    })
}

/// The stream, piece by piece.
pub(super) fn stream(turn: &Turn, calls: &[Call], usage: Usage) -> Vec<Piece> {
    let mut pieces = vec![Piece::still(chunk(&json!({"role": "assistant", "content": ""}), None))];
    let thoughts = tokens(&turn.thinking);
    pieces.extend(
        thoughts.map(|token| Piece::token(chunk(&json!({"reasoning_content": token}), None))),
    );
    let words = tokens(&turn.say);
    pieces.extend(words.map(|token| Piece::token(chunk(&json!({"content": token}), None))));
    for (place, call) in calls.iter().enumerate() {
        let head = json!({"tool_calls": [{
            "index": place, "id": call.id, "type": "function",
            "function": {"name": call.name, "arguments": ""},
        }]});
        pieces.push(Piece::still(chunk(&head, None)));
        for token in tokens(&call.arguments) {
            let delta = json!({"tool_calls": [{"index": place, "function": {"arguments": token}}]});
            pieces.push(Piece::token(chunk(&delta, None)));
        }
    }
    pieces.push(Piece::still(chunk(&json!({}), Some(&finish(turn, calls)))));
    let last = json!({"model": MODEL, "choices": [], "usage": usage_json(usage)});
    pieces.push(Piece::still(format!("data: {last}\n\ndata: [DONE]\n\n")));
    pieces
}

/// The same as one document.
pub(super) fn whole(turn: &Turn, calls: &[Call], usage: Usage) -> Value {
    let listed = calls.iter().map(|call| {
        json!({"id": call.id, "type": "function",
            "function": {"name": call.name, "arguments": call.arguments}})
    });
    let mut message = json!({"role": "assistant", "content": turn.say});
    if !calls.is_empty() {
        message["tool_calls"] = listed.collect();
    }
    json!({
        "id": "chatcmpl-script", "object": "chat.completion", "created": 0, "model": MODEL,
        "choices": [{"index": 0, "message": message, "finish_reason": finish(turn, calls)}],
        "usage": usage_json(usage),
    })
}

/// An error in place of an answer.
pub(super) fn error(status: u16, message: &str) -> Value {
    let code = match status {
        429 => "rate_limit_exceeded",
        503 | 529 => "server_overloaded",
        400 => "invalid_request_error",
        401 => "invalid_api_key",
        404 => "model_not_found",
        _ => "server_error",
    };
    json!({"error": {"message": message, "type": code, "code": code, "param": null}})
}

/// What a fault sends.
pub(super) fn fault(fault: Fault, message: &str) -> Option<String> {
    match fault {
        Fault::Malformed => Some("data: {\"choices\": [{\"delta\":\n\n".to_owned()),
        Fault::Overloaded => Some(format!("data: {}\n\n", error(529, message))),
        Fault::Cut | Fault::Silent => None,
    }
}
