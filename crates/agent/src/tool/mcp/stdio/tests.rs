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
            assert!([TOO_LARGE_CODE, UNREADABLE_CODE].contains(&code.0));
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

/// It carries the id of a call: nobody waits for another answer to it.
#[tokio::test]
async fn an_answer_that_cannot_be_read_is_answered_for() {
    let lines = [
        r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"\ud800"}]}}"#,
        r#"{"result":{"a":"\ud800"},"id":"b","jsonrpc":"2.0"}"#,
        r#"{"jsonrpc":"2.0","id":3,"error":"boom"}"#,
        r#"{"jsonrpc":"2.0","id":4,"result":{"a":}}"#,
    ];
    // Requests of the server's own, notes and logs.
    let none = [
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":"\ud800"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"sampling/createMessage","params":{"result":}}"#,
        r#"{"level":"info","id":1,"text":"well"}"#,
        r#"{"id":1,"result":"#,
    ];
    let (messages, strays) = received((lines.join("\n") + "\n").as_bytes()).await;
    let told: Vec<_> =
        messages.iter().map(|message| (&message["id"], &message["error"]["code"])).collect();
    let code = json!(UNREADABLE_CODE);
    let ids = [json!(1), json!("b"), json!(3), json!(4)];
    assert_eq!(told, ids.iter().map(|id| (id, &code)).collect::<Vec<_>>());
    assert!(strays.contains("boom"), "{strays}");
    assert_eq!(received((none.join("\n") + "\n").as_bytes()).await.0, Vec::<Value>::new());
}
