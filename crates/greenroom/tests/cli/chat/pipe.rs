//! A chat with a pipe at its standard input, and one that says a single thing.

use super::keyboard::TWO;
use super::{REFUND, Talk, server};
use crate::house::{House, until};

#[test]
fn a_pipe_waits_for_the_answers() {
    let server = server(TWO);
    let house = House::with_agents(&server.chat_url());
    let ran = house.run_with(&["chat", "support/one"], b"hello\n").ok();
    assert_eq!(ran.out, "Hello.\n");
    // Not even the end of the line is needed.
    let ran = house.run_with(&["chat", "support/one"], b"hello").ok();
    assert_eq!(ran.out, "Hello.\n");
    let ran = house.run_with(&["chat", "support/one", "--json"], b"\xff\xfe\nhello\n").ok();
    assert!(ran.out.contains("not UTF-8"), "{}", ran.out);
    assert_eq!(ran.out.matches("\"said\"").count(), 3, "{}", ran.out);
    assert_eq!(server.count(), 3);
}

#[test]
fn the_first_line_after_a_question_has_gone_answers_no_other() {
    let server = server(TWO);
    let mut house = House::with_agents(&server.chat_url());
    house.start_node();
    let mut talk = Talk::begin(&house, &["support/one"]);
    talk.sees("listening");
    talk.types("both");
    let first = talk.sees("asked")["ask"]["id"].as_str().expect("an id").to_owned();
    house.run(&["answer", &first, "reject"]).ok();
    talk.sees("gone");
    let second = talk.sees("asked")["ask"]["id"].as_str().expect("an id").to_owned();
    talk.types("y");
    assert!(talk.sees("notice")["text"].as_str().expect("words").contains("type it again"));
    assert_eq!(talk.sees("asked")["ask"]["id"], second);
    // One that names its question is always meant for it.
    talk.types(&format!("/answer {first} y"));
    assert!(talk.sees("notice")["text"].as_str().expect("words").contains("not open"));
    talk.types(&format!("/answer {second} y"));
    talk.sees("tool_done");
    talk.leaves();
}

#[test]
fn who_says_one_thing_is_told_which_question_is_open() {
    let server = server(REFUND);
    let house = House::with_agents(&server.chat_url());
    let words = ["support/one#", "May refund be called", "answer support/one#", "approve"];
    house.run(&["chat", "support/one", "-m", "it is broken"]).fails(5, &words);
    house.run_with(&["chat", "support/two"], b"it is broken\n").fails(5, &["support/two#"]);
}

#[test]
fn an_empty_message_is_refused() {
    let server = server(REFUND);
    let house = House::with_agents(&server.chat_url());
    for words in ["", "  "] {
        house
            .run(&["chat", "support/one", "-m", words])
            .fails(2, &["the message is empty", "-m WORDS"]);
    }
    assert_eq!(server.count(), 0);
}

/// An approval that was open before answers to what comes first.
#[test]
fn a_line_answers_what_is_asked_already() {
    let server = server(REFUND);
    let mut house = House::with_agents(&server.chat_url());
    house.start_node();
    house.run(&["chat", "support/one", "-m", "it is broken"]).fails(5, &["support/one#"]);
    let ran = house.run_with(&["chat", "support/one"], b"y\n").ok();
    assert!(ran.out.contains("You have your money back."), "{}", ran.out);
    assert_eq!(house.run(&["asks", "--json"]).ok().out.trim(), "[]");
}

#[test]
fn an_express_answer_reaches_a_question_that_is_open_already() {
    let server = server(super::questions::TEAM);
    let mut house = House::with_agents(&server.chat_url());
    house.start_node();
    house.run(&["chat", "support/one", "-m", "start"]).ok();
    until("it is asked", || house.run(&["asks"]).ok().out.contains("Which order?"));
    let ran = house.run_with(&["chat", "support", "--continue"], b"/answer seven\n").ok();
    assert!(!ran.err.contains("no question"), "{}", ran.err);
    assert_eq!(house.run(&["asks", "--json"]).ok().out.trim(), "[]");
}

#[test]
fn who_wants_to_go_on_begins_nothing() {
    let server = server(TWO);
    let house = House::with_agents(&server.chat_url());
    let words = ["no conversation support/one", "chat support/one` begins one"];
    house.run_with(&["chat", "support/one", "--continue"], b"hello\n").fails(3, &words);
    assert!(!house.run(&["ps", "--all"]).ok().out.contains("support/one"));
    for id in ["suport", "suport/one"] {
        let ran = house.run(&["chat", id, "--continue"]);
        let ran = ran.fails(3, &["no kind `suport`", "did you mean `support`?"]);
        assert!(!ran.err.contains("begins one"), "{}", ran.err);
    }
    house.run_with(&["chat", "support/one"], b"hello\n").ok();
    let again = house.run_with(&["chat", "support/one", "--continue"], b"hello\n").ok();
    assert_eq!(again.out, "Hello.\n");
}
