//! A turn as Anthropic's Messages API says it. Knows no HTTP and no time.

use super::piece::{Call, Piece, tokens};
use super::script::{Fault, MODEL, Turn};
use crate::provider::Usage;
use serde_json::{Value, json};

/// Thoughts are signed; this signature says by whom.
const SIGNATURE: &str = "Z3JlZW5yb29tLXNjcmlwdA==";

fn event(name: &str, mut data: Value) -> String {
    data["type"] = json!(name);
    format!("event: {name}\ndata: {data}\n\n")
}

fn stop(turn: &Turn, calls: &[Call]) -> String {
    let fitting = if calls.is_empty() { "end_turn" } else { "tool_use" };
    turn.finish.clone().unwrap_or_else(|| fitting.to_owned())
}

fn usage_json(usage: Usage) -> Value {
    json!({
        "input_tokens": usage.input, "output_tokens": usage.output,
        "cache_read_input_tokens": usage.cache_read,
        "cache_creation_input_tokens": usage.cache_write,
    })
}

/// The stream, piece by piece.
pub(super) fn stream(turn: &Turn, calls: &[Call], usage: Usage) -> Vec<Piece> {
    let message = json!({
        "id": "msg_script", "type": "message", "role": "assistant", "model": MODEL, "content": [],
        "stop_reason": null, "stop_sequence": null,
        "usage": usage_json(Usage { output: 1, ..usage }),
    });
    let mut pieces = vec![
        Piece::still(event("message_start", json!({"message": message}))),
        Piece::still(event("ping", json!({}))),
    ];
    let mut index = 0;
    let mut block = |start: Value, deltas: Vec<Value>| {
        let start = json!({"index": index, "content_block": start});
        pieces.push(Piece::still(event("content_block_start", start)));
        for delta in deltas {
            let delta = json!({"index": index, "delta": delta});
            pieces.push(Piece::token(event("content_block_delta", delta)));
        }
        pieces.push(Piece::still(event("content_block_stop", json!({"index": index}))));
        index += 1;
    };
    if !turn.thinking.is_empty() {
        let thoughts = tokens(&turn.thinking);
        let mut deltas: Vec<Value> =
            thoughts.map(|token| json!({"type": "thinking_delta", "thinking": token})).collect();
        deltas.push(json!({"type": "signature_delta", "signature": SIGNATURE}));
        block(json!({"type": "thinking", "thinking": "", "signature": ""}), deltas);
    }
    if !turn.say.is_empty() {
        let words = tokens(&turn.say);
        let deltas = words.map(|token| json!({"type": "text_delta", "text": token})).collect();
        block(json!({"type": "text", "text": ""}), deltas);
    }
    for call in calls {
        let pieces = tokens(&call.arguments);
        let deltas = pieces
            .map(|token| json!({"type": "input_json_delta", "partial_json": token}))
            .collect();
        block(json!({"type": "tool_use", "id": call.id, "name": call.name, "input": {}}), deltas);
    }
    let delta = json!({"stop_reason": stop(turn, calls), "stop_sequence": null});
    let last = json!({"delta": delta, "usage": usage_json(usage)});
    pieces.push(Piece::still(event("message_delta", last)));
    pieces.push(Piece::still(event("message_stop", json!({}))));
    pieces
}

/// The same as one document.
pub(super) fn whole(turn: &Turn, calls: &[Call], usage: Usage) -> Value {
    let mut content = Vec::new();
    if !turn.thinking.is_empty() {
        content
            .push(json!({"type": "thinking", "thinking": turn.thinking, "signature": SIGNATURE}));
    }
    if !turn.say.is_empty() {
        content.push(json!({"type": "text", "text": turn.say}));
    }
    content.extend(calls.iter().map(|call| {
        let input: Value = serde_json::from_str(&call.arguments).unwrap_or_else(|_| json!({}));
        json!({"type": "tool_use", "id": call.id, "name": call.name, "input": input})
    }));
    json!({
        "id": "msg_script", "type": "message", "role": "assistant", "model": MODEL,
        "content": content, "stop_reason": stop(turn, calls), "stop_sequence": null,
        "usage": usage_json(usage),
    })
}

/// An error in place of an answer.
pub(super) fn error(status: u16, message: &str) -> Value {
    let word = match status {
        429 => "rate_limit_error",
        503 | 529 => "overloaded_error",
        400 => "invalid_request_error",
        401 => "authentication_error",
        404 => "not_found_error",
        _ => "api_error",
    };
    json!({"type": "error", "error": {"type": word, "message": message}})
}

/// What a fault sends.
pub(super) fn fault(fault: Fault, message: &str) -> Option<String> {
    match fault {
        Fault::Malformed => Some("event: content_block_delta\ndata: {\"type\":\n\n".to_owned()),
        Fault::Overloaded => Some(event("error", error(529, message))),
        Fault::Cut | Fault::Silent => None,
    }
}
