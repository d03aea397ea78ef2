//! What is told of a conversation, live and when it is looked at again.

use super::*;
use serde_json::json;

fn turn(first: u64, entries: &[(&str, Value)]) -> Turn {
    let events: Vec<Value> = entries
        .iter()
        .map(|(key, value)| json!({ "StateSet": { "key": key, "value": value } }))
        .collect();
    serde_json::from_value(json!({ "seq": first, "at": 1, "events": events })).unwrap()
}

fn assistant(text: &str) -> Value {
    json!({ "role": "assistant", "content": [{ "type": "text", "text": text }] })
}

fn live(value: Value) -> Payload {
    Payload::of(&value).unwrap()
}

#[test]
fn what_was_streamed_is_not_told_again() {
    let mut talk = Talk::default();
    let delta = |text: &str| live(json!({"live": "reply", "delta": "text", "text": text}));
    assert_eq!(talk.emitted(&delta("Hel")), [Happening::Delta { text: "Hel".into() }]);
    talk.emitted(&delta("lo"));
    let said = talk.turn(&turn(1, &[("thread/000001", assistant("Hello"))]));
    assert_eq!(said, [Happening::Said { text: "Hello".into(), streamed: true }]);
    // Who came late has heard the end alone, and is told all of it.
    talk.emitted(&delta("orld"));
    let said = talk.turn(&turn(2, &[("thread/000002", assistant("World"))]));
    assert_eq!(said, [Happening::Said { text: "World".into(), streamed: false }]);
}

#[test]
fn an_attempt_that_is_made_again_takes_back_what_was_streamed() {
    let mut talk = Talk::default();
    talk.emitted(&live(json!({"live": "thinking", "model": "m", "attempt": 1})));
    talk.emitted(&live(json!({"live": "reply", "delta": "text", "text": "Hel"})));
    let again = talk.emitted(&live(json!({"live": "thinking", "model": "m", "attempt": 2})));
    assert_eq!(again, [Happening::Again { attempt: 2 }]);
}

#[test]
fn a_tool_is_told_once_and_what_was_typed_here_not_at_all() {
    let mut talk = Talk::default();
    talk.sent("hi");
    let hi = json!({ "role": "user", "content": [{ "type": "text", "text": "hi" }] });
    assert_eq!(talk.turn(&turn(1, &[("thread/000001", hi.clone())])), []);
    assert_eq!(talk.turn(&turn(2, &[("thread/000002", hi)])).len(), 1);
    let call = json!({ "type": "tool_call", "id": "c", "name": "look", "arguments": {} });
    let asks = json!({ "role": "assistant", "content": [call] });
    assert_eq!(talk.turn(&turn(3, &[("thread/000003", asks)])).len(), 1);
    let started = json!({"live": "tool_started", "id": "c", "name": "look", "arguments": {}});
    assert_eq!(talk.emitted(&live(started)), []);
}

#[test]
fn it_says_when_it_listens() {
    let mut talk = Talk::default();
    assert_eq!(talk.turn(&turn(1, &[("status", json!("listening"))])), [Happening::Listening]);
    assert!(talk.listening);
    assert_eq!(talk.turn(&turn(2, &[("status", json!("working"))])), []);
    assert!(!talk.listening);
}
