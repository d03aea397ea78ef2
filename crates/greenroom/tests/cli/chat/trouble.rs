//! What a chat tells of what goes wrong, and what it lets through to a terminal.

use super::{Talk, server};
use crate::house::House;

#[test]
fn an_attempt_that_failed_is_told_with_its_cause() {
    let turns = r#"
        {"times": 1, "when": {"text": "hello"}, "status": 503},
        {"when": {"text": "hello"}, "say": "Hello."}"#;
    let server = server(turns);
    let house = House::with_agents(&server.chat_url());
    let mut talk = Talk::begin(&house, &["support/one"]);
    talk.sees("listening");
    talk.types("hello");
    let told = talk.sees("retrying");
    assert_eq!((&told["step"], &told["attempt"]), (&"model script/model".into(), &1.into()));
    assert!(told["cause"].as_str().expect("words").contains("503"), "{told}");
    assert_eq!(talk.sees("said")["text"], "Hello.");
    talk.leaves();
    let ran = house.run_with(&["chat", "support/two"], b"hello\n").ok();
    assert_eq!(ran.out, "Hello.\n", "nothing of that is among the answers");
}

#[test]
fn a_model_that_cannot_answer_ends_no_conversation() {
    let server = server(
        r#"{"times": 2, "when": {"text": "hello"}, "status": 400, "message": "a bad day"},
        {"when": {"text": "again"}, "say": "Hello."}"#,
    );
    let house = House::with_agents(&server.chat_url());
    let mut talk = Talk::begin(&house, &["support/one"]);
    talk.sees("listening");
    talk.types("hello");
    let told = talk.sees("given_up");
    assert!(told["cause"].as_str().expect("words").contains("a bad day"), "{told}");
    talk.leaves();
    house.run(&["chat", "support/one", "-m", "hello"]).fails(1, &["a bad day", "try again"]);
    assert_eq!(house.run(&["chat", "support/one", "-m", "again"]).ok().out, "Hello.\n");
}

#[test]
fn a_conversation_that_was_stopped_says_how_it_goes_on() {
    let server = server(r#"{"when": {"text": "hello"}, "say": "Hello."}"#);
    let house = House::with_agents(&server.chat_url());
    let mut talk = Talk::begin(&house, &["support/one"]);
    talk.sees("listening");
    house.run(&["cancel", "support/one", "--kill"]).ok();
    talk.sees("ended");
    assert_eq!(talk.child.wait().expect("it ends").code(), Some(4));
    house.run(&["chat", "support/one"]).fails(1, &["restart support/one", "new conversation"]);
}

#[test]
fn a_reply_that_was_cut_and_its_control_characters_are_shown_as_what_they_are() {
    let server = server(
        r#"{"when": {"text": "hello"}, "finish": "length",
            "say": "a\u001b[2J\u001b[1A\rb\u009b2Kc\u202ed\te"}"#,
    );
    let house = House::with_agents(&server.chat_url());
    let ran = house.run(&["chat", "support/one", "-m", "hello"]).ok();
    assert_eq!(ran.out, "a\\u{1b}[2J\\u{1b}[1Ab\\u{9b}2Kc\\u{202e}d\te\n");
    assert!(ran.err.contains("was cut"), "{}", ran.err);
    for look in [&["logs", "support/one"][..], &["history", "support/one", "--full"]] {
        let shown = house.run(look).ok().out;
        let is_bad = |letter: char| letter.is_control() && letter != '\n' || letter == '\u{202e}';
        assert!(!shown.contains(is_bad), "{look:?}: {shown:?}");
    }
}

#[test]
fn who_is_parked_says_so() {
    let server = server(r#"{"when": {"text": "hello"}, "say": "Hello."}"#);
    let mut house = House::with_agents(&server.chat_url());
    house.start_node();
    let talk = Talk::begin(&house, &["support/one"]);
    talk.sees("listening");
    house.run(&["pause", "support/one"]).ok();
    talk.sees("paused");
    house.run(&["chat", "support/one", "-m", "hello"]).fails(5, &["resume support/one"]);
    house.run(&["resume", "support/one"]).ok();
    talk.sees("resumed");
    assert_eq!(talk.sees("said")["text"], "Hello.");
    talk.leaves();
}

#[test]
fn who_waits_for_a_budget_says_so() {
    let server = server(r#"{"when": {"text": "hello"}, "say": "Hello."}"#);
    let house = House::with_agents(&server.chat_url());
    let ran = house.run(&["chat", "support/one", "--budget", "tokens=3", "-m", "hello"]);
    ran.fails(5, &["budget support/one", "--add"]);
    assert_eq!(server.count(), 0);
}
