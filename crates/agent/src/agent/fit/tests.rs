//! Conversations that are too large in each way they can be.

use super::*;
use crate::conversation::{Raw, ToolCall, ToolResult, Verbatim};

const MOST: usize = 1 << 20;

fn thread(messages: Vec<Message>) -> Thread {
    let places = (1..).take(messages.len()).collect();
    Thread { messages, places, ..Thread::default() }
}

fn assert_fits(mut thread: Thread, most: usize) -> Thread {
    fit(&mut thread, most);
    assert!(json_size(&thread) <= most, "{}", json_size(&thread));
    assert_eq!(thread.messages.len(), thread.places.len());
    thread
}

#[test]
fn one_that_fits_is_left_as_it_is() {
    let mut small = thread(vec![Message::user("hello")]);
    small.kept.keep("a long result".to_owned());
    let before = serde_json::to_string(&small).unwrap();
    assert_eq!(serde_json::to_string(&assert_fits(small, MOST)).unwrap(), before);
}

#[test]
fn control_characters_are_counted_as_they_are_written() {
    let words = "\u{1}".repeat(MOST / 4);
    let fitted = assert_fits(thread(vec![Message::user("first"), Message::user(words)]), MOST);
    assert_eq!(fitted.messages[0].text(), "first");
    assert!(fitted.messages[1].text().contains("is left out here"));
}

#[test]
fn what_is_missed_least_goes_first() {
    let blocks = Verbatim::of(&"x".repeat(MOST / 3));
    let message = |words: &str| {
        let raw = Some(Raw { protocol: "test".to_owned(), by: None, blocks: blocks.clone() });
        Message { role: Role::Assistant, raw, ..Message::user(words) }
    };
    let mut large = thread(["a", "b", "c", "d"].map(message).to_vec());
    large.kept.keep("y".repeat(MOST / 3));
    let fitted = assert_fits(large, MOST);
    assert!(fitted.kept.spec().is_none());
    let raws: Vec<bool> = fitted.messages.iter().map(|one| one.raw.is_some()).collect();
    assert_eq!(raws, [false, false, true, true]);
}

#[test]
fn calls_notes_and_very_many_messages_are_no_exception() {
    let call = |n: usize| ToolCall {
        id: format!("c{n}"),
        name: "write".to_owned(),
        arguments: json!({ "text": "z".repeat(10_000) }),
    };
    let result = |n: usize| ToolResult {
        id: format!("c{n}"),
        name: "write".to_owned(),
        content: "\u{2}".repeat(5_000),
        failed: false,
    };
    let mut messages = Vec::new();
    for n in 0..200 {
        messages.push(Message::user("go on ".repeat(30)));
        let content = vec![Part::ToolCall(call(n))];
        messages.push(Message { role: Role::Assistant, content, raw: None });
        messages.push(Message { content: vec![Part::ToolResult(result(n))], ..Message::user("") });
    }
    let mut large = thread(messages);
    large.notes.push("\u{3}".repeat(MOST / 4));
    let fitted = assert_fits(large, MOST / 16);
    assert!(fitted.messages[0].text().starts_with("go on"), "it begins with a person's words");
}
