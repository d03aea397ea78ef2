//! `queues`, and what `ps` and `doctor` say of steps that wait.

use crate::house::{House, until};

#[test]
fn pressure_is_seen_where_it_is() {
    let house = House::up();
    let empty = house.run(&["queues"]).ok().out;
    assert!(empty.contains("QUEUE") && empty.contains("door"), "{empty}");
    for n in ["1", "2", "3"] {
        house.run(&["run", &format!("queued/{n}"), "-d", "-i", "60000"]).ok();
    }
    let door = || house.run(&["queues", "door", "--json"]).ok().json()[0].clone();
    until("two wait", || door()["waiting"] == 2 && door()["running"] == 1);
    let door = door();
    assert_eq!((&door["limit"], &door["circuit"]), (&1.into(), &"closed".into()));
    assert_eq!(door["rate"], "100 in 1s");
    let shown = house.run(&["queues"]).ok().out;
    let line = shown.lines().find(|line| line.starts_with("door")).expect("a line");
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(words[..8], ["door", "2", "1", "1", "100", "in", "1s", "closed"], "{shown}");

    let listed = house.run(&["ps"]).ok().out;
    let queued =
        listed.lines().filter(|line| line.contains("queued") && line.contains("queue door"));
    // The kind's own name has the word as well: the status is what counts.
    assert_eq!(queued.filter(|line| line.split_whitespace().nth(2) == Some("queued")).count(), 2);
    let rows = house.run(&["ps", "--json"]).ok().json();
    let in_queue = |row: &&serde_json::Value| row["queue"] == "door" && row["status"] == "running";
    assert_eq!(rows.as_array().expect("rows").iter().filter(in_queue).count(), 2);
    let history = house.run(&["history", "queued/3"]).ok().out;
    assert!(history.contains("waits in queue door"), "{history}");
    let findings = house.run(&["doctor"]).ok().out;
    assert!(findings.contains("queues  1 queue, 2 steps wait"), "{findings}");

    house.run(&["queues", "nobody"]).fails(3, &["no queue `nobody`", "lists them"]);
    house.run(&["cancel", "queued/2"]).ok();
    until("it has left", || {
        house.run(&["queues", "door", "--json"]).ok().json()[0]["waiting"] == 1
    });
}

#[test]
fn a_queue_that_is_held_is_opened_by_hand() {
    let house = House::up();
    house.run(&["run", "queued/first", "-d", "-i", "0"]).ok();
    let door = || house.run(&["queues", "door", "--json"]).ok().json()[0].clone();
    let held_ms = || door()["held_for_ms"].as_u64();
    until("it is held", || held_ms().is_some());
    // A day was asked for; an hour is the most.
    assert!(held_ms().is_some_and(|ms| (3_000_000..=3_600_000).contains(&ms)), "{}", door());
    house.run(&["run", "queued/next", "-d", "-i", "1"]).ok();
    until("the next waits", || door()["waiting"] == 1);
    let findings = house.run(&["doctor"]).out;
    assert!(findings.contains("door: to be left alone for"), "{findings}");
    assert!(findings.contains("`greenroom queues reopen door`"), "{findings}");

    let opened = house.run(&["queues", "reopen", "door"]).ok().out;
    assert!(opened.contains("closed") && !opened.contains("held"), "{opened}");
    house.run(&["result", "queued/next", "--wait"]).ok();
    let opened = house.run(&["queues", "reopen", "door", "--json"]).ok().json();
    assert_eq!((&opened[0]["name"], opened[0].get("held_for_ms")), (&"door".into(), None));
    house.run(&["queues", "reopen", "nobody/x y"]).fails(3, &["no queue `nobody/x y`"]);
    house.run(&["queues", "reopen"]).fails(2, &["<NAME>"]);
}

#[test]
fn without_a_node_there_are_no_queues() {
    House::new().run(&["queues"]).fails(1, &["no node is running", "start one with"]);
}
