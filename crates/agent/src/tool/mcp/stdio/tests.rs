//! Lines as servers write them, and as they should not.

use super::*;
use rmcp::model::{ErrorData, JsonRpcError, JsonRpcMessage};

/// What is received from these bytes, and what was stray.
async fn received(bytes: &[u8]) -> (Vec<Value>, String) {
    let strays = Tail::new(1000);
    let mut stdio = Stdio::new(bytes, tokio::io::sink(), strays.clone());
    let mut messages = Vec::new();
    while let Some(message) = stdio.receive().await {
        if let JsonRpcMessage::Error(JsonRpcError { error: ErrorData { code, .. }, .. }) = &message
        {
            assert_eq!(code.0, TOO_LARGE_CODE);
        }
        messages.push(serde_json::to_value(message).unwrap());
    }
    (messages, strays.text())
}

fn result(id: u32) -> String {
    format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{}}}}\n")
}

#[tokio::test]
async fn what_is_no_message_is_passed_over() {
    let mut bytes = b"starting up\n\n\xff\xfe\n{\"a\":\n".to_vec();
    bytes.extend_from_slice(result(1).as_bytes());
    bytes.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"x\":\"\xff\"}}\r\n");
    bytes.extend_from_slice(b"{\"jsonrpc\":\"2.0\"");
    let (messages, strays) = received(&bytes).await;
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[1]["result"]["x"], "\u{fffd}");
    assert!(strays.starts_with("starting up\n") && strays.contains("{\"a\":"), "{strays}");
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_answered_for() {
    let large = "x".repeat(ANSWER_MAX_BYTES);
    let id_first = format!("{{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{{\"a\":\"{large}\"}}}}\n");
    let id_last =
        format!("{{\"result\":{{\"id\":1,\"a\":\"{large}\"}},\"jsonrpc\":\"2.0\",\"id\":\"b\"}}\n");
    let none = format!("{large}\n");
    let bytes = [id_first, id_last, none, result(9)].concat();
    let (messages, _) = received(bytes.as_bytes()).await;
    let ids: Vec<&Value> = messages.iter().map(|message| &message["id"]).collect();
    assert_eq!(ids, [&json!(7), &json!("b"), &json!(9)]);
}
