//! `kill -9`, and on.

use crate::house::{House, lines};

#[test]
fn killed_in_the_middle_of_an_ask_it_happens_once() {
    let mut house = House::up();
    house.run(&["run", "asker/1", "-d", "-i", "\"effects\""]).ok();
    house.await_status("asker/1", "asking");
    house.kill();
    // The dead node's socket is still there; looking works all the same.
    assert!(house.run(&["asks"]).ok().out.contains("asker/1#"));
    house.run(&["answer", "asker/1", "approve"]).fails(1, &["no node is running"]);
    house.start_node();
    house.run(&["answer", "asker/1", "approve"]).ok();
    assert_eq!(house.run(&["result", "asker/1", "--wait"]).ok().out, "\"approve\"\n");
    house.kill();
    house.start_node();
    assert_eq!(house.run(&["result", "asker/1"]).ok().out, "\"approve\"\n");
    assert_eq!(lines(&house.path("effects")), 1, "the effect happened once");
    let history = house.run(&["history", "asker/1", "--json"]).ok().json();
    let events = history.as_array().expect("events");
    let ends = events.iter().filter(|event| event["event"].get("WorkflowCompleted").is_some());
    assert_eq!(ends.count(), 1);
}

#[test]
fn a_timer_goes_on_after_a_crash() {
    let mut house = House::up();
    house.run(&["run", "sleeper/1", "-d", "-i", "1500"]).ok();
    house.await_status("sleeper/1", "sleeping");
    house.kill();
    house.start_node();
    assert_eq!(house.run(&["result", "sleeper/1", "--wait"]).ok().out, "\"rested\"\n");
}
