//! Moving house: with a node and without, and killed on the way.

use crate::house::{House, until};
use std::process::{Child, Stdio};

const MANY: usize = 20_000;

/// A file with many sleepers in it, from the export of one.
fn many() -> String {
    let mut house = House::up();
    house.run(&["run", "sleeper/one", "-d", "-i", "3600000"]).ok();
    house.await_status("sleeper/one", "sleeping");
    assert_eq!(house.stop_node(), Some(0));
    let text = house.run(&["export"]).ok().out;
    let line = text.lines().nth(1).expect("a process").replacen("\"format\":2", "\"format\":1", 1);
    let mut all = String::new();
    for number in 0..MANY {
        all.push_str(&line.replace("sleeper/one", &format!("sleeper/{number}")));
        all.push('\n');
    }
    all
}

fn sleepers(house: &House) -> usize {
    let listed = house.run(&["ps", "--json", "--limit", "100000"]);
    if listed.code != 0 {
        return 0;
    }
    listed.json().as_array().map_or(0, Vec::len)
}

fn begin(house: &House) -> Child {
    let import = house.command(&["import", "many.jsonl"]).stderr(Stdio::null()).spawn();
    import.expect("it runs")
}

/// The import writes, and has not ended.
fn until_it_writes(house: &House) {
    let log = house.path(".greenroom/store.db-wal");
    until("the import writes", || std::fs::metadata(&log).is_ok_and(|log| log.len() > 1 << 20));
}

fn again(house: &House) {
    let count = sleepers(house);
    assert!(count == 0 || count == MANY, "all of it or nothing: {count}");
    house.run(&["import", "many.jsonl"]).ok();
    assert_eq!(sleepers(house), MANY);
    let last = house.run(&["import", "many.jsonl"]).ok().out;
    assert_eq!(last, format!("imported 0 processes; {MANY} were there already\n"));
    house.run(&["doctor", "--deep"]).ok();
}

#[test]
fn killed_in_the_middle_and_done_again() {
    let house = House::new();
    std::fs::write(house.path("many.jsonl"), many()).expect("written");
    let mut import = begin(&house);
    until_it_writes(&house);
    import.kill().expect("killed");
    import.wait().expect("ended");
    again(&house);
}

#[test]
fn a_node_killed_in_the_middle_has_all_or_nothing() {
    let mut house = House::up();
    std::fs::write(house.path("many.jsonl"), many()).expect("written");
    let mut import = begin(&house);
    until_it_writes(&house);
    house.kill();
    assert!(!import.wait().expect("ended").success(), "its node has gone");
    again(&house);
}

#[test]
fn without_a_node_and_through_a_pipe() {
    let mut house = House::up();
    house.run(&["run", "asker/1", "-d", "-i", "\"x\""]).ok();
    house.await_status("asker/1", "asking");
    let text = house.run(&["export"]).ok().out;
    assert_eq!(house.stop_node(), Some(0));
    let mut other = House::new();
    other.run(&["import", "none.jsonl"]).fails(2, &["cannot read none.jsonl"]);
    let cut = &text.as_bytes()[..text.len() / 2];
    other.run_with(&["import", "-"], cut).fails(2, &["cut off", "nothing was imported"]);
    let done = other.run_with(&["import", "-"], text.as_bytes()).ok().out;
    assert_eq!(done, "imported 1 processes; 0 were there already\n");
    assert!(other.run(&["ps"]).ok().out.contains("asker/1"));
    other.start_node();
    other.run(&["answer", "asker/1", "reject"]).ok();
    assert_eq!(other.run(&["result", "asker/1", "--wait"]).ok().out, "\"reject\"\n");
    // It has gone on since, from what the file holds.
    let done = other.run_with(&["import", "-"], text.as_bytes()).ok().out;
    assert_eq!(done, "imported 0 processes; 1 were there already\n");
}

#[test]
fn another_history_is_named() {
    let house = House::up();
    house.run(&["run", "sleeper/one", "-i", "1"]).ok();
    let text = house.run(&["export"]).ok().out;
    let other = House::up();
    other.run(&["run", "sleeper/one", "-i", "2"]).ok();
    let words = ["sleeper/one is there already, with another history", "nothing was imported"];
    other.run_with(&["import", "-"], text.as_bytes()).fails(1, &words);
}
