//! A chat with a real terminal at its standard input.

use super::{Talk, server};
use crate::house::House;
use serde_json::Value;
use std::time::Duration;

/// Two refunds, each of which needs a yes.
pub const TWO: &str = r#"
    {"when": {"text": "both"}, "say": "Two.", "tool_calls": [
        {"name": "refund", "arguments": {"order": 1, "amount": 60}},
        {"name": "refund", "arguments": {"order": 2, "amount": 9000}}]},
    {"when": {"tool_result": "refused"}, "say": "Then not."},
    {"when": {"text": "one\ntwo"}, "say": "Three lines."},
    {"when": {"text": "file"}, "say": "I have read it."},
    {"when": {"text": "hello"}, "say": "Hello."}
"#;

/// Longer than a person takes to read the question.
#[expect(clippy::disallowed_methods, reason = "a person waits in real time")]
pub fn waits() {
    std::thread::sleep(Duration::from_millis(1200));
}

fn ask_of(asked: &Value) -> String {
    asked["ask"]["id"].as_str().expect("an id").to_owned()
}

fn open(house: &House) -> Vec<String> {
    let asks = house.run(&["asks", "--json"]).ok().json();
    let asks = asks.as_array().expect("asks").clone();
    asks.iter().map(|ask| ask["id"].as_str().expect("an id").to_owned()).collect()
}

#[test]
fn a_yes_that_was_begun_before_a_question_is_no_answer_to_it() {
    let server = server(TWO);
    let mut house = House::with_agents(&server.chat_url());
    house.start_node();
    let mut talk = Talk::at_keyboard(&house, &["support/one"]);
    talk.sees("listening");
    talk.types("both");
    let first = ask_of(&talk.sees("asked"));
    talk.begins_to_type("y");
    house.run(&["answer", &first, "reject"]).ok();
    assert_eq!(talk.sees("gone")["ask"], first);
    let notice = talk.sees("notice")["text"].clone();
    assert!(notice.as_str().expect("words").contains("not sent"), "{notice}");
    let second = ask_of(&talk.sees("asked"));
    assert_ne!(first, second);
    waits();
    talk.types("");
    waits();
    assert_eq!(open(&house), [second], "the yes was not meant for this one");
    talk.types("n");
    assert_eq!(talk.sees("said")["text"], "Then not.");
    talk.leaves();
}

#[test]
fn an_answer_in_the_instant_a_question_comes_is_no_answer_to_it() {
    let server = server(TWO);
    let mut house = House::with_agents(&server.chat_url());
    house.start_node();
    let mut talk = Talk::at_keyboard(&house, &["support/one"]);
    talk.sees("listening");
    talk.types("both");
    let first = ask_of(&talk.sees("asked"));
    house.run(&["answer", &first, "reject"]).ok();
    talk.sees("gone");
    let second = ask_of(&talk.sees("asked"));
    talk.types("y");
    assert!(talk.sees("notice")["text"].as_str().expect("words").contains("type it again"));
    assert_eq!(ask_of(&talk.sees("asked")), second, "it is shown again");
    assert_eq!(open(&house), [second]);
    waits();
    talk.types("y");
    talk.sees("tool_done");
    talk.leaves();
}

#[test]
fn a_paste_is_one_message_and_what_a_terminal_would_cut_is_refused() {
    let server = server(TWO);
    let house = House::with_agents(&server.chat_url());
    let mut talk = Talk::at_keyboard(&house, &["support/one"]);
    talk.sees("listening");
    talk.begins_to_type("one\ntwo\nthree\n");
    assert_eq!(talk.sees("said")["text"], "Three lines.");
    talk.sees("listening");
    talk.types(&"p".repeat(6000));
    let notice = talk.sees("notice")["text"].clone();
    assert!(notice.as_str().expect("words").contains("@FILE"), "{notice}");
    std::fs::write(house.path("long.txt"), format!("file {}", "p".repeat(6000))).expect("written");
    talk.types("@long.txt");
    assert_eq!(talk.sees("said")["text"], "I have read it.");
    waits();
    talk.types("@missing.txt");
    assert!(talk.sees("notice")["text"].as_str().expect("words").contains("cannot be read"));
    waits();
    talk.types("/quti");
    assert!(talk.sees("notice")["text"].as_str().expect("words").contains("/quit"));
    talk.leaves();
    assert_eq!(server.count(), 2, "nothing else was said");
}

/// Nobody has read the question yet: the yes was meant for something else, and is no word
/// for the agent either.
#[test]
fn a_yes_that_was_typed_before_the_chat_is_there_goes_nowhere() {
    let server = server(super::REFUND);
    let mut house = House::with_agents(&server.chat_url());
    house.start_node();
    house.run(&["chat", "support/one", "-m", "it is broken"]).fails(5, &["support/one#"]);
    let mut talk = Talk::at_keyboard(&house, &["support/one"]);
    talk.types("y");
    let ask = ask_of(&talk.sees("asked"));
    let notice = talk.sees("notice")["text"].clone();
    assert!(notice.as_str().expect("words").contains("type it again"), "{notice}");
    assert_eq!(open(&house), [ask]);
    waits();
    talk.types("y");
    assert_eq!(talk.sees("said")["text"], "You have your money back.");
    talk.leaves();
}
