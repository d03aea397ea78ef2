//! A chat and the node it is on.

use super::{REFUND, Talk, server};
use crate::house::{House, until};

#[test]
fn a_chat_waits_for_the_node_that_was_killed_and_does_not_take_its_place() {
    let server = server(REFUND);
    let mut house = House::with_agents(&server.chat_url());
    house.start_node();
    let mut talk = Talk::begin(&house, &["support/one"]);
    talk.sees("listening");
    house.kill();
    super::keyboard::waits();
    talk.types("thanks");
    assert!(talk.sees("notice")["text"].as_str().expect("words").contains("no node"));
    assert!(house.run(&["kinds"]).err.contains("this binary"), "no node is there");
    house.start_node();
    super::keyboard::waits();
    talk.types("many thanks");
    assert_eq!(talk.sees("said")["text"], "You are welcome.");
    talk.leaves();
}

#[test]
fn a_node_that_cannot_start_says_which_command_serves() {
    let server = server(REFUND);
    let house = House::with_agents(&server.chat_url());
    let talk = Talk::begin(&house, &["support/one"]);
    talk.sees("listening");
    until("it serves", || house.run(&["kinds"]).err.contains("the node's"));
    let pid = talk.child.id().to_string();
    house.run(&["up"]).fails(1, &["another command", &pid, "chat --json support/one", "ends with"]);
    talk.leaves();
}
