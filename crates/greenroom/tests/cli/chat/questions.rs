//! Questions of an agent below the one that is talked to.

use super::{Talk, server};
use crate::house::House;

pub const TEAM: &str = r#"
    {"when": {"system": "orders", "text": "find"},
     "tool_calls": [{"name": "ask", "arguments": {"question": "Which order?"}}]},
    {"when": {"system": "orders", "tool_result": "seven"}, "say": "It is the seventh."},
    {"when": {"system": "help customers", "text": "start"}, "tool_calls": [
        {"name": "start_agent", "arguments": {"agent": "clerk", "task": "find it"}}]},
    {"when": {"system": "help customers", "text": "weather"}, "say": "It rains."},
    {"when": {"system": "help customers", "asked": "seventh"}, "say": "Found."},
    {"when": {"system": "help customers"}, "times": 9, "say": "Well."}
"#;

#[test]
fn plain_words_go_to_the_agent_talked_to_and_an_express_answer_to_who_asks() {
    let server = server(TEAM);
    let house = House::with_agents(&server.chat_url());
    let mut talk = Talk::begin(&house, &["support/one"]);
    talk.sees("listening");
    talk.types("start");
    let ask = talk.sees("asked")["ask"].clone();
    assert_eq!(ask["question"], "Which order?");
    assert!(ask["process"].as_str().expect("an id").starts_with("clerk/"), "{ask}");
    talk.types("how is the weather?");
    let notice = talk.sees("notice")["text"].clone();
    assert!(notice.as_str().expect("words").contains("said to support/one"), "{notice}");
    while talk.sees("said")["text"] != "It rains." {}
    talk.types("/answer seven");
    while talk.sees("said")["text"] != "Found." {}
    talk.leaves();
}

#[test]
fn other_words_at_an_approval_are_said_to_the_agent() {
    let server = server(super::REFUND);
    let house = House::with_agents(&server.chat_url());
    let mut talk = Talk::begin(&house, &["support/one"]);
    talk.sees("listening");
    talk.types("it is broken");
    talk.sees("asked");
    talk.types("how much is it?");
    let notice = talk.sees("notice")["text"].clone();
    assert!(notice.as_str().expect("words").contains("still open"), "{notice}");
    let asks = house.run(&["asks"]).ok().out;
    assert!(asks.contains("support/one#"), "nothing was answered: {asks}");
    talk.types("/quit");
}
