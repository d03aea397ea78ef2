//! What is told of a conversation, live and when it is looked at again.

use super::*;
use greenroom_model::Millis;
use serde_json::{Value, json};

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
    talk.emitted(&live(json!({"live": "thinking", "model": "m", "attempt": 1})));
    assert_eq!(talk.emitted(&delta("Hel")), [Happening::Delta { text: "Hel".into() }]);
    talk.emitted(&delta("lo"));
    let said = talk.turn(&turn(1, &[("thread/000001", assistant("Hello"))]));
    assert_eq!(said, [Happening::Said { text: "Hello".into(), streamed: true }]);
    // Who comes late does not hear the end alone: it is told all of it, once.
    let mut talk = Talk::default();
    assert_eq!(talk.emitted(&delta("orld")), []);
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

fn events(events: Value) -> Turn {
    serde_json::from_value(json!({ "seq": 1, "at": 1000, "events": events })).unwrap()
}

#[test]
fn what_holds_it_up_is_told() {
    let mut talk = Talk::default();
    let failure = json!({"kind": "overloaded", "message": "come back later"});
    let begun = json!({"StepStarted": {"op": 4, "name": "model acme/m"}});
    let retrying = json!({"StepRetrying":
        {"op": 4, "attempt": 1, "failure": failure, "retry_at": 5000}});
    let told = talk.turn(&events(json!([begun, retrying])));
    let wanted = Happening::Retrying {
        step: "model acme/m".into(),
        attempt: 1,
        cause: "come back later".into(),
        retry_at: Millis(5000),
    };
    assert_eq!(told, std::slice::from_ref(&wanted));
    assert_eq!(talk.held(), [wanted], "who comes now is told as well");
    assert!(!talk.is_idle());
    let failed = json!({"StepFailed": {"op": 4, "attempt": 8, "failure": failure}});
    let told = talk.turn(&events(json!([failed, {"Parked": {"failure": failure}}])));
    let cause = "come back later".to_owned();
    let gave_up = Happening::GaveUp { step: "model acme/m".into(), cause: cause.clone() };
    assert_eq!(told, [gave_up, Happening::Parked { reason: cause.clone() }]);
    assert_eq!(talk.held(), [Happening::Parked { reason: cause }]);
    assert!(talk.is_idle());
    let told = talk.turn(&events(json!([{"Resumed": {"by": "runtime"}}])));
    assert_eq!(told, [Happening::Resumed]);
    assert_eq!(talk.held(), []);
}

#[test]
fn who_stands_in_a_queue_is_known_until_it_is_let_in() {
    let mut talk = Talk::default();
    let queue = json!({"name": "model.acme", "since": 900});
    let begun = json!({"StepStarted": {"op": 4, "name": "model acme/m", "queue": queue}});
    talk.turn(&events(json!([begun])));
    let (op, step) = talk.queued().unwrap();
    assert_eq!((op, step.queue.as_deref()), (Op(4), Some("model.acme")));
    assert_eq!(step.queued_at, Some(Millis(1000)));
    talk.turn(&events(json!([{"StepAdmitted": {"op": 4, "attempt": 1}}])));
    assert!(talk.queued().is_none());
}

#[test]
fn a_reply_that_was_cut_is_told_so() {
    let mut talk = Talk::default();
    let words = assistant("Once upon a");
    let reply = json!({"message": words, "stop": "length", "usage": {}, "model": "m"});
    let events = events(json!([
        {"StepStarted": {"op": 4, "name": "model acme/m"}},
        {"StepCompleted": {"op": 4, "attempt": 1, "result": reply}},
        {"StateSet": {"key": "thread/000002", "value": words}},
    ]));
    let told = talk.turn(&events);
    assert_eq!(told.last(), Some(&Happening::Cut), "{told:?}");
}

/// Words of which so many bytes are of others, and so many of those a question.
fn heard(text: &str, told: usize, asked: usize) -> Value {
    let content = json!([{"type": "text", "text": text}]);
    json!({"role": "user", "content": content, "told": told, "asked": asked})
}

#[test]
fn word_of_another_agent_is_not_a_persons() {
    let mut talk = Talk::default();
    talk.sent("go on");
    let told = |text: &str, asked| Happening::Told { text: text.into(), asked };
    let asks = "[the agent w/1 asks; answer it with `answer_agent`]\nblue?";
    let asks = talk_told(&mut talk, asks, asks.len(), asks.len());
    assert!(matches!(&asks[..], [Happening::Told { asked: true, .. }]), "{asks:?}");
    // Whatever it begins with, and what else stands in it.
    let note = "[a person has answered question q of w/1]";
    let result = "[the agent w/1 has finished]\nhe asks; answer it with care";
    let both = format!("{note}\n{result}");
    assert_eq!(talk_told(&mut talk, &both, both.len(), 0), [told(&both, false)]);
    let key = "[the shared key `plan` is at version 2, by w/1]";
    let before = format!("{key}\n{result}");
    let all = talk_told(&mut talk, &before, before.len(), result.len());
    assert_eq!(all, [told(key, false), told(result, true)]);
    // What was said here comes back behind such word, which is told.
    let report = "[the agent w/1 reports] half\n";
    let all = talk_told(&mut talk, &format!("{report}go on"), report.len(), 0);
    assert_eq!(all, [told(report.trim_end(), false)]);
    assert_eq!(talk.turn(&turn(3, &[("status", json!("listening"))])), [Happening::Listening]);
    assert!(talk.is_answered());
    // A person may write what looks like it.
    let own = Happening::Heard { text: report.into() };
    assert_eq!(talk_told(&mut talk, report, 0, 0), [own]);
}

fn talk_told(talk: &mut Talk, text: &str, told: usize, asked: usize) -> Vec<Happening> {
    talk.turn(&turn(1, &[("thread/000001", heard(text, told, asked))]))
}

#[test]
fn words_that_are_empty_come_back_too() {
    let mut talk = Talk::default();
    talk.sent("");
    let results = json!({"role": "user", "content": []});
    talk.turn(&turn(1, &[("thread/000001", results), ("status", json!("listening"))]));
    assert!(!talk.is_answered());
    talk.turn(&turn(3, &[("thread/000002", heard("", 0, 0))]));
    assert!(talk.is_answered());
}

#[test]
fn calls_of_the_same_id_are_told_reply_by_reply() {
    let mut talk = Talk::default();
    let call =
        |name: &str| json!({"type": "tool_call", "id": "call_0", "name": name, "arguments": {}});
    let result = |name: &str, content: &str| json!({"type": "tool_result", "id": "call_0", "name": name, "content": content});
    let done = |name: &str, preview: &str| Happening::ToolDone {
        id: "call_0".into(),
        name: name.into(),
        failed: false,
        preview: preview.into(),
    };
    let says = |role: &str, content: Value| {
        turn(1, &[("thread/000001", json!({"role": role, "content": content}))])
    };
    let ended =
        || live(json!({"live": "tool_done", "id": "call_0", "failed": false, "preview": "r"}));
    for name in ["first", "second", "third"] {
        talk.turn(&says("assistant", json!([call(name)])));
        assert_eq!(talk.emitted(&ended()), [done(name, "r")]);
        assert_eq!(talk.turn(&says("user", json!([result(name, "r")]))), []);
        assert_eq!(talk.emitted(&ended()), []);
    }
    // Two in one reply: which of them has ended is known with their results.
    talk.turn(&says("assistant", json!([call("a"), call("b")])));
    assert_eq!(talk.emitted(&ended()), []);
    let results = says("user", json!([result("a", "1"), result("b", "2")]));
    assert_eq!(talk.turn(&results), [done("a", "1"), done("b", "2")]);
    assert!(talk.calls.len() == 1, "nothing of replies before is kept");
}
