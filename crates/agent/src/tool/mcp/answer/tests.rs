//! Results as servers give them, as a model sees them.

use super::*;

fn result(json: Value) -> Result<Value, Failure> {
    value(serde_json::from_value(json).expect("a result"))
}

#[test]
fn words_structures_and_what_is_no_text() {
    let text =
        json!({ "content": [{ "type": "text", "text": "a" }, { "type": "text", "text": "b" }] });
    assert_eq!(result(text).unwrap(), json!("a\nb"));
    let both = json!({ "content": [{ "type": "text", "text": "{\"n\": 1}" }],
                       "structuredContent": { "n": 1 } });
    assert_eq!(result(both).unwrap(), json!({ "n": 1 }));
    let apart =
        json!({ "content": [{ "type": "text", "text": "one" }], "structuredContent": { "n": 1 } });
    assert_eq!(result(apart).unwrap(), json!({ "text": "one", "structured": { "n": 1 } }));
    let rest = json!({ "content": [
        { "type": "image", "mimeType": "image/png", "data": "AAAAAA==" },
        { "type": "resource", "resource": { "uri": "file:///a", "text": "hello" } },
        { "type": "resource", "resource": { "uri": "file:///b", "blob": "AAAA" } },
        { "type": "resource_link", "uri": "file:///c", "name": "c" },
    ] });
    let rest = result(rest).unwrap();
    let lines: Vec<&str> = rest.as_str().unwrap().lines().collect();
    let line = |number: usize| serde_json::from_str::<Value>(lines[number]).unwrap();
    assert_eq!(line(0)["bytes"], 4);
    assert_eq!(line(0)["mimeType"], "image/png");
    assert_eq!((line(1)["uri"].as_str(), lines[2]), (Some("file:///a"), "hello"));
    assert_eq!(line(3)["bytes"], 3);
    assert_eq!(line(4)["type"], "resource_link");
    assert_eq!(result(json!({ "content": [] })).unwrap(), json!(""));
}

#[test]
fn a_tool_that_failed_is_a_failure() {
    let failed =
        json!({ "content": [{ "type": "text", "text": "no such branch" }], "isError": true });
    let failure = result(failed).unwrap_err();
    assert_eq!((failure.kind.as_ref(), failure.message.as_str()), (TOOL_FAILED, "no such branch"));
    assert!(!failure.retryable);
    let long =
        json!({ "content": [{ "type": "text", "text": "é".repeat(50_000) }], "isError": true });
    assert!(result(long).unwrap_err().message.len() <= WORDS_MAX);
}
