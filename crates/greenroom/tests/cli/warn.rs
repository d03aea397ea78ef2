//! What a node says while it runs and when it stops.

use crate::house::{House, until};
use rustix::process::{Resource, Rlimit, prlimit};
use std::fs::File;
use std::process::{Command, Stdio};

const LIMIT_KIB: u32 = 1_000;

/// A limit on the size of files: to the store a full disk.
#[test]
fn a_full_disk_is_told_once_and_its_end_once() {
    let mut house = House::new();
    let said = house.path("up.err");
    let script = format!("trap '' XFSZ; ulimit -S -f {LIMIT_KIB}; exec \"$0\" up");
    let mut up = Command::new("bash");
    up.current_dir(house.dir.path()).arg("-c").arg(script).arg(House::probe());
    up.stdout(Stdio::null()).stderr(File::create(&said).expect("made"));
    house.keep_node(up.spawn().expect("it runs"));
    house.run(&["run", "sleeper/1", "-d", "-i", "3600000"]).ok();
    let body = format!("\"{}\"", "x".repeat(30_000));
    let send = || house.run(&["send", "sleeper/1", &body]);
    until("the disk is full", || send().code != 0);
    let refused = send().fails(1, &["the store is not available: "]);
    assert_eq!(refused.err.matches("not available").count(), 1, "{}", refused.err);
    let read = || std::fs::read_to_string(&said).expect("read");
    until("it says so", || read().contains("warning: the store takes no commits: "));
    assert!(!read().contains("commits again"), "{}", read());
    let more = Rlimit { current: None, maximum: None };
    prlimit(Some(house.node_pid()), Resource::Fsize, more).expect("set");
    until("there is room", || send().code == 0);
    until("it says so", || read().contains("warning: the store takes commits again"));
    assert_eq!(read().matches("takes no commits").count(), 1, "{}", read());
    assert_eq!(read().matches("nothing is lost").count(), 1, "{}", read());
}

#[test]
fn a_node_that_stops_says_what_it_waits_for() {
    let mut house = House::new();
    let said = house.path("up.err");
    house.start_node_saying(File::create(&said).expect("made"));
    house.run(&["run", "slow/1", "-d", "-i", "1500"]).ok();
    // Said to run is one thing; begun another.
    until("its step is under way", || {
        let asked = house.run(&["doctor", "--json"]);
        asked.out.contains("1 step under way")
    });
    assert_eq!(house.stop_node(), Some(0));
    let said = std::fs::read_to_string(&said).expect("read");
    assert!(said.contains("waiting for 1 step under way, at most 10 s"), "{said}");
    house.run(&["result", "slow/1"]).ok();
}
