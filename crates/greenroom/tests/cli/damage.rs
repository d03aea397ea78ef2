//! A process whose journal or row is damaged: every command says so and what
//! to do, and the others go on.

use crate::house::{House, until};
use std::path::PathBuf;

fn store(house: &House) -> PathBuf {
    house.path(".greenroom/store.db")
}

/// Flips a bit `offset` bytes behind where these bytes are in the store.
fn flip(house: &House, needle: &str, offset: usize) {
    let mut bytes = std::fs::read(store(house)).expect("read");
    let found: Vec<usize> = bytes
        .windows(needle.len())
        .enumerate()
        .filter(|(_, window)| *window == needle.as_bytes())
        .map(|(place, _)| place)
        .collect();
    assert!(!found.is_empty(), "{needle} is in the store");
    for place in found {
        bytes[place + offset] ^= 1;
    }
    std::fs::write(store(house), bytes).expect("written");
}

/// With a healthy process beside the one that will be damaged.
fn waiting(id: &str, input: &str) -> House {
    let mut house = House::up();
    for (id, input) in [(id, input), ("echo/well", "null")] {
        house.run(&["run", id, "-d", "-i", input]).ok();
        house.await_status(id, "receiving");
    }
    assert_eq!(house.stop_node(), Some(0));
    // All is in one file now.
    assert!(!house.path(".greenroom/store.db-wal").exists(), "the store was not closed");
    house
}

/// Every command that has to do with `echo/hurt`.
fn says_so(house: &House, live: bool) {
    let ps = house.run(&["ps"]).ok().out;
    let line = ps.lines().find(|line| line.contains("echo/hurt")).expect("it is listed").to_owned();
    assert!(line.contains("damaged") && line.contains("`probe result echo/hurt`"), "{ps}");
    assert!(
        ps.lines().any(|line| line.contains("echo/well") && line.contains("receiving")),
        "{ps}"
    );
    assert!(house.run(&["tree"]).ok().out.contains("echo/hurt  damaged"));
    let json = house.run(&["ps", "--status", "damaged", "--json"]).ok().json();
    assert_eq!(json.as_array().map(Vec::len), Some(1), "{json}");
    let words = [
        "echo/hurt is damaged: ",
        "its mailbox is kept",
        "`probe resume echo/hurt` tries again",
        "`probe cancel echo/hurt --kill`",
    ];
    house.run(&["result", "echo/hurt"]).fails(1, &words);
    house.run(&["result", "echo/hurt", "--wait"]).fails(1, &words);
    house.run(&["history", "echo/hurt"]).fails(1, &words);
    let all = house.run(&["export", "-o", "all.jsonl"]);
    all.fails(1, &["damaged, and not exported: echo/hurt: ", "1 damaged processes are not in"]);
    let json = house.run(&["export", "-o", "all.jsonl", "--json"]);
    assert_eq!((json.code, &json.json()["missing"][0]["id"]), (1, &"echo/hurt".into()));
    house.run(&["doctor", "--deep"]).fails(1, &[]);
    if live {
        for command in [
            &["send", "echo/hurt", "1"][..],
            &["answer", "echo/hurt#1", "1"],
            &["cancel", "echo/hurt"],
            &["pause", "echo/hurt"],
            &["resume", "echo/hurt"],
            &["restart", "echo/hurt", "--fresh"],
            &["fork", "echo/hurt"],
            &["logs", "echo/hurt", "-f"],
        ] {
            let ran = house.run(command);
            assert_ne!(ran.code, 0, "{command:?}: {}", ran.out);
            if command[0] != "answer" {
                ran.fails(1, &words);
            }
        }
        let json = house.run(&["send", "echo/hurt", "1", "--json"]);
        let error: serde_json::Value = serde_json::from_str(&json.err).expect("JSON");
        assert_eq!(error["error"]["code"], "damaged");
    }
    // What could be read is whole, and can be imported elsewhere.
    let other = House::new();
    let file = house.path("all.jsonl").display().to_string();
    let said = other.run(&["import", &file]).ok();
    assert_eq!(said.out, "imported 1 processes; 0 were there already\n");
    assert!(said.err.contains("echo/hurt"), "{}", said.err);
}

fn begin(house: &mut House) -> PathBuf {
    let said = house.path("up.err");
    house.start_node_saying(std::fs::File::create(&said).expect("made"));
    said
}

fn warns(said: &PathBuf) {
    until("up warns", || {
        let said = std::fs::read_to_string(said).unwrap_or_default();
        said.contains("warning: echo/hurt is damaged: ")
            && said.contains("`probe result echo/hurt` says what to do")
    });
    let said = std::fs::read_to_string(said).expect("read");
    assert_eq!(said.matches("echo/hurt is damaged").count(), 1, "once: {said}");
}

#[test]
fn a_damaged_journal_is_told_by_every_command() {
    let mut house = waiting("echo/hurt", "\"needle\"");
    let good = std::fs::read(store(&house)).expect("read");
    flip(&house, "\"needle\"", 3);
    says_so(&house, false);
    let said = begin(&mut house);
    warns(&said);
    says_so(&house, true);
    house.run(&["send", "echo/well", "stop", "null"]).ok();
    assert_eq!(house.run(&["result", "echo/well", "--wait"]).ok().out, "0\n");
    assert_eq!(house.stop_node(), Some(0));
    // A good copy brings it back.
    std::fs::write(store(&house), good).expect("written");
    house.start_node();
    house.run(&["send", "echo/hurt", "stop", "null"]).ok();
    assert_eq!(house.run(&["result", "echo/hurt", "--wait"]).ok().out, "0\n");
}

#[test]
fn a_damaged_row_is_told_by_every_command() {
    let mut house = waiting("echo/hurt", "null");
    // Its kind, which stands behind its id in the row alone.
    flip(&house, "echo/hurtecho", "echo/hurt".len() + 1);
    says_so(&house, false);
    let said = begin(&mut house);
    warns(&said);
    says_so(&house, true);
    house.run(&["cancel", "echo/hurt", "--kill"]).fails(1, &["echo/hurt is damaged"]);
    house.run(&["send", "echo/well", "stop", "null"]).ok();
    assert_eq!(house.run(&["result", "echo/well", "--wait"]).ok().out, "0\n");
}

#[test]
fn kill_is_a_way_out() {
    let mut house = waiting("echo/hurt", "\"needle\"");
    flip(&house, "\"needle\"", 3);
    house.start_node();
    house.run(&["cancel", "echo/hurt", "--kill", "--reason", "beyond help"]).ok();
    house.run(&["result", "echo/hurt", "--wait"]).fails(4, &["killed: beyond help"]);
    assert!(!house.run(&["ps"]).ok().out.contains("echo/hurt"));
    assert!(house.run(&["ps", "-a"]).ok().out.contains("cancelled"));
    house.run(&["doctor", "--deep"]).fails(1, &[]);
}

#[test]
fn resume_brings_it_back_once_it_can_be_read() {
    let mut house = House::up();
    let large = format!("\"{}\"", "x".repeat(100 << 10));
    std::fs::write(house.path("large.json"), large).expect("written");
    house.run(&["run", "echo/hurt", "-d", "-i", "@large.json"]).ok();
    house.await_status("echo/hurt", "receiving");
    assert_eq!(house.stop_node(), Some(0));
    let (blobs, aside) = (house.path(".greenroom/blobs"), house.path("aside"));
    std::fs::rename(&blobs, &aside).expect("moved");
    let said = begin(&mut house);
    warns(&said);
    house.run(&["resume", "echo/hurt"]).fails(1, &["echo/hurt is damaged: the blob"]);
    std::fs::remove_dir_all(&blobs).ok();
    std::fs::rename(&aside, &blobs).expect("moved back");
    house.run(&["resume", "echo/hurt"]).ok();
    house.await_status("echo/hurt", "receiving");
    house.run(&["send", "echo/hurt", "stop", "null"]).ok();
    assert_eq!(house.run(&["result", "echo/hurt", "--wait"]).ok().out, "0\n");
}
