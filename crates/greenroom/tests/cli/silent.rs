//! A node that is there and does not answer, since it is suspended.

use crate::house::{House, until};
use rustix::process::{Signal, kill_process};
use std::path::PathBuf;
use std::process::Child;

#[test]
fn what_should_be_answered_at_once_is_not_waited_for_without_end() {
    let house = House::up();
    house.run(&["run", "asker/1", "-d", "-i", "\"effects\""]).ok();
    kill_process(house.node_pid(), Signal::STOP).expect("suspended");
    let words = &["there and does not answer", "kill -CONT", "unknown"];
    let commands = [
        &["ps"][..],
        &["asks"],
        &["history", "asker/1"],
        &["result", "asker/1"],
        &["send", "asker/1", "null"],
        &["cancel", "asker/1"],
        &["run", "asker/2", "-i", "\"effects\""],
        &["logs", "asker/1"],
    ];
    let children = commands.map(|args| house.command(args).spawn().expect("it runs"));
    let doctor = house.run(&["doctor"]).fails(1, &[]).out;
    assert!(doctor.contains("error    node    the node is there and does not answer"), "{doctor}");
    for (child, args) in children.into_iter().zip(commands) {
        let done = child.wait_with_output().expect("it ends");
        let err = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(1), "{args:?}: {err}");
        for words in words {
            assert!(err.contains(words), "{args:?}: `{words}` is not in: {err}");
        }
    }
    kill_process(house.node_pid(), Signal::CONT).expect("goes on");
    house.run(&["ps"]).ok();
}

/// All follow by then: of one that prints nothing it is not seen.
#[expect(clippy::disallowed_methods, reason = "real commands take real time")]
fn a_moment() {
    std::thread::sleep(std::time::Duration::from_millis(500));
}

#[test]
fn who_waits_without_bound_is_told_and_waits_on() {
    let house = House::up();
    house.run(&["run", "asker/1", "-d", "-i", "\"effects\""]).ok();
    house.await_status("asker/1", "asking");
    let commands = [
        &["run", "asker/1", "--attach"][..],
        &["logs", "asker/1", "-f"],
        &["result", "asker/1", "--wait", "--json"],
    ];
    let followers: Vec<(Child, PathBuf)> = commands
        .iter()
        .enumerate()
        .map(|(place, args)| {
            let heard = house.path(&format!("heard-{place}"));
            let into = std::fs::File::create(&heard).expect("a file");
            (house.command(args).stderr(into).spawn().expect("it runs"), heard)
        })
        .collect();
    let heard = |path: &PathBuf| std::fs::read_to_string(path).expect("text");
    until("the first shows its question", || heard(&followers[0].1).contains("AskOpened"));
    a_moment();
    kill_process(house.node_pid(), Signal::STOP).expect("suspended");
    let all_heard = |words: &str| followers.iter().all(|(_, path)| heard(path).contains(words));
    until("all are told", || all_heard("does not answer: it may be suspended"));
    kill_process(house.node_pid(), Signal::CONT).expect("goes on");
    until("all are told again", || all_heard("the node answers again"));
    house.run(&["answer", "asker/1", "reject"]).ok();
    for ((mut child, path), args) in followers.into_iter().zip(commands) {
        let status = child.wait().expect("it ends");
        assert!(status.success(), "{args:?}: {}", heard(&path));
    }
}
