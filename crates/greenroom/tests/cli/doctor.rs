//! What `doctor` finds: mailboxes that are full, calls that go round.

use crate::house::{House, until};
use serde_json::Value;

/// The findings about one thing, as `doctor --json` tells them.
fn findings(house: &House, what: &str) -> Vec<Value> {
    let told = house.run(&["doctor", "--json"]).ok().json();
    let found = told.as_array().expect("findings").iter();
    found.filter(|finding| finding["what"] == what).cloned().collect()
}

#[test]
fn a_circle_of_calls_is_told_with_its_members() {
    let house = House::up();
    house.run(&["run", "ring/a", "-d", "-i", "\"ring/b\""]).ok();
    house.run(&["run", "ring/b", "-d", "-i", "\"ring/c\""]).ok();
    house.run(&["run", "ring/c", "-d", "-i", "\"ring/a\""]).ok();
    assert!(findings(&house, "calls").is_empty());
    house.run(&["send", "ring/a", "null"]).ok();
    until("the circle is found", || !findings(&house, "calls").is_empty());
    let calls = findings(&house, "calls");
    assert_eq!((calls.len(), &calls[0]["verdict"]), (1, &"warning".into()), "{calls:?}");
    // It is a warning: the node is well.
    let told = house.run(&["doctor"]).ok().out;
    let line = told.lines().find(|line| line.contains("  calls ")).expect("a line");
    for words in [
        "warning",
        "a circle",
        "ago",
        "ring/c waits for ring/a waits for ring/b waits for ring/c",
        "its call failed",
    ] {
        assert!(line.contains(words), "`{words}` is not in: {line}");
    }
    let failed =
        house.run(&["result", "ring/c"]).fails(1, &["deadlock", "ring/c waits for ring/a"]);
    assert!(failed.out.is_empty(), "{}", failed.out);
}

#[test]
fn a_full_mailbox_is_told_with_who_waits() {
    let house = House::up();
    house.run(&["run", "narrow/n", "-d"]).ok();
    let told = house.run(&["doctor"]).ok().out;
    assert!(told.contains("no mailbox is full"), "{told}");
    house.run(&["run", "pusher/one", "-d", "-i", "[\"narrow/n\", 600]"]).ok();
    house.run(&["run", "pusher/two", "-d", "-i", "[\"narrow/n\", 600]"]).ok();
    let full = || findings(&house, "mail").remove(0);
    let both_wait =
        || full()["words"].as_str().is_some_and(|words| words.contains("2 senders wait"));
    until("both wait", both_wait);
    assert_eq!(full()["verdict"], "warning");
    let told = house.run(&["doctor"]).ok().out;
    let line = told.lines().find(|line| line.contains("  mail ")).expect("a line");
    for words in ["warning", "full mailboxes: narrow/n (", " of 2, 2 senders wait, for "] {
        assert!(line.contains(words), "`{words}` is not in: {line}");
    }
    // Emptied, it is well again.
    house.run(&["answer", "narrow/n", "\"now\""]).ok();
    // One look for both: the senders may fill it once more before the next.
    until("there is room", || {
        let full = full();
        full["words"] == "no mailbox is full" && full["verdict"] == "ok"
    });
}
