//! `run`, `up`, `kinds`: starting things.

use crate::chat::keyboard::waits;
use crate::house::{House, sees, terminal, until};
use std::fs::File;
use std::io::Write;
use std::process::Stdio;

#[test]
fn run_without_a_node_does_it_all() {
    let house = House::new();
    let ran = house.run(&["run", "add/1", "--input", r#"{"a":1,"b":2}"#]).ok();
    assert_eq!(ran.out, "3\n");
    assert!(ran.err.contains("StepCompleted      add"), "{}", ran.err);
    assert!(ran.err.contains("completed in"), "{}", ran.err);
    let again = house.run(&["run", "add/1", "--input", "{}"]);
    again.fails(1, &["add/1 exists already, it is completed", "`probe run add/1 --attach`"]);
    assert_eq!(house.run(&["run", "add/1", "--attach"]).ok().out, "3\n");
    // What was done can be looked at without a node.
    assert_eq!(house.run(&["result", "add/1"]).ok().out, "3\n");
}

#[test]
fn run_reads_files_and_pipes() {
    let house = House::new();
    std::fs::write(house.path("sum.json"), r#"{"a":20,"b":2}"#).expect("written");
    assert_eq!(house.run(&["run", "add", "--input", "@sum.json"]).ok().out, "22\n");
    let piped = house.run_with(&["run", "add", "-i", "-"], br#"{"a":3,"b":3}"#).ok();
    assert_eq!(piped.out, "6\n");
}

#[test]
fn run_ends_as_the_process_does() {
    let mut house = House::new();
    let ran = house.run(&["run", "failer/1", "--input", "\"nothing.txt\""]);
    ran.fails(1, &["failer/1 ended", "No such file", "`probe restart failer/1`"]);
    let json = house.run(&["run", "failer/2", "--input", "\"nothing.txt\"", "--json"]);
    assert_eq!((json.code, json.json()["id"].as_str()), (1, Some("failer/2")));
    assert!(json.json()["exit"]["error"]["message"].as_str().is_some());
    house.start_node();
    let child = house.command(&["run", "echo/1"]).spawn().expect("it runs");
    house.await_status("echo/1", "receiving");
    house.run(&["cancel", "echo/1", "--kill", "--reason", "enough"]).ok();
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&output.stderr).contains("killed: enough"));
}

#[test]
fn detach_needs_a_node_and_returns_at_once() {
    let mut house = House::new();
    let ran = house.run(&["run", "echo/1", "--detach"]);
    ran.fails(1, &["no node is running for .greenroom", "`probe up`", "--detach"]);
    house.start_node();
    assert_eq!(house.run(&["run", "echo/1", "--detach"]).ok().out, "echo/1\n");
    let json = house.run(&["run", "echo/2", "-d", "--json"]).ok();
    assert_eq!(json.json()["id"], "echo/2");
}

#[test]
fn other_commands_work_while_run_has_the_node_inside() {
    let house = House::new();
    let file = house.path("effects");
    let input = format!("{:?}", file.display().to_string());
    let child = house.command(&["run", "asker/1", "-i", &input]).spawn().expect("it runs");
    house.await_status("asker/1", "asking");
    until("the node inside answers", || house.run(&["answer", "asker/1", "approve"]).code == 0);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "\"approve\"\n");
    assert_eq!(crate::house::lines(&file), 1);
}

#[test]
fn interrupted_inside_it_goes_on_later() {
    let mut house = House::new();
    let child = house.command(&["run", "asker/1", "-i", "\"effects\""]).spawn().expect("it runs");
    house.await_status("asker/1", "asking");
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::INT).expect("it is there");
    let output = child.wait_with_output().expect("it ends");
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(5) && err.contains("`probe up` lets it go on"), "{err}");
    house.start_node();
    house.run(&["answer", "asker/1", "reject"]).ok();
    assert_eq!(house.run(&["result", "asker/1", "--wait"]).ok().out, "\"reject\"\n");
}

#[test]
fn up_says_where_it_is_and_stops_when_asked() {
    let mut house = House::up();
    let second = house.run(&["up"]);
    second.fails(1, &["a node is running already on .greenroom/node.sock"]);
    house.run(&["run", "echo/1", "-d"]).ok();
    assert_eq!(house.stop_node(), Some(0));
    assert!(!house.path(".greenroom/node.sock").exists());
    let mut up = house.command(&["up", "--json"]).stderr(Stdio::null()).spawn().expect("it runs");
    let mut said = String::new();
    let mut out = std::io::BufReader::new(up.stdout.take().expect("a pipe"));
    std::io::BufRead::read_line(&mut out, &mut said).expect("a line");
    up.kill().expect("killed");
    up.wait().expect("ended");
    let said: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(said["recovered"], 1);
    assert_eq!(said["socket"], ".greenroom/node.sock");
}

#[test]
fn kinds_and_completion_need_no_node() {
    let house = House::new();
    let kinds = house.run(&["kinds", "--json"]).ok().json();
    assert_eq!((&kinds[0]["kind"], &kinds[0]["code"]), (&"add@1".into(), &true.into()));
    for shell in ["bash", "zsh", "fish"] {
        assert!(house.run(&["completion", shell]).ok().out.contains("history"));
    }
    assert!(!house.path(".greenroom").exists(), "looking makes nothing");
    assert!(house.run(&["help"]).ok().out.contains("Exit codes"));
}

/// Two commands on one process: the one with the node inside ends, and the one
/// that looked on takes over.
fn taken_over(signal: rustix::process::Signal) {
    let house = House::new();
    let first = house.command(&["run", "asker/1", "-i", "\"effects\""]).spawn().expect("it runs");
    house.await_status("asker/1", "asking");
    until("the node inside answers", || house.run(&["kinds"]).err.contains("the node's"));
    let attach = ["run", "asker/1", "--attach"];
    let followers: Vec<_> =
        (0..2).map(|_| house.command(&attach).spawn().expect("it runs")).collect();
    // One that follows has said what has happened so far.
    let followers: Vec<_> = followers
        .into_iter()
        .map(|mut child| {
            let mut err = std::io::BufReader::new(child.stderr.take().expect("a pipe"));
            let mut said = String::new();
            while !said.contains("AskOpened") {
                let read = std::io::BufRead::read_line(&mut err, &mut said).expect("a line");
                assert!(read > 0, "it has ended: {said}");
            }
            (child, err, said)
        })
        .collect();
    let id = rustix::process::Pid::from_child(&first);
    rustix::process::kill_process(id, signal).expect("it is there");
    first.wait_with_output().expect("it ends");
    until("a follower's node answers", || house.run(&["answer", "asker/1", "approve"]).code == 0);
    let mut own = 0;
    for (child, err, said) in followers {
        let rest = std::io::read_to_string(err).expect("text");
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(0), "{said}{rest}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "\"approve\"\n");
        assert!(!rest.contains("AskOpened"), "nothing is told twice: {said}{rest}");
        own += usize::from(rest.contains("goes on in this one"));
    }
    assert!(own >= 1, "one of them took over");
    assert_eq!(crate::house::lines(&house.path("effects")), 1);
}

#[test]
fn when_the_command_with_the_node_is_interrupted_another_takes_over() {
    taken_over(rustix::process::Signal::INT);
}

#[test]
fn when_the_command_with_the_node_is_killed_another_takes_over() {
    taken_over(rustix::process::Signal::KILL);
}

#[test]
fn several_at_the_same_instant_share_a_node() {
    let house = House::new();
    let begin = |n: usize| {
        let input = format!(r#"{{"a":{n},"b":1}}"#);
        house.command(&["run", &format!("add/{n}"), "-i", &input]).spawn().expect("it runs")
    };
    let children: Vec<_> = (0..6).map(begin).collect();
    for (n, child) in children.into_iter().enumerate() {
        let done = child.wait_with_output().expect("it ends");
        let err = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "add/{n}: {err}");
        assert_eq!(String::from_utf8_lossy(&done.stdout), format!("{}\n", n + 1));
    }
}

#[test]
fn a_store_that_stays_in_use_is_told_after_a_while() {
    let house = House::up();
    let args = ["--dir", "elsewhere", "--store", "sqlite:.greenroom/store.db"];
    let ran = house.run(&[&args[..], &["run", "add/1", "-i", r#"{"a":1,"b":2}"#]].concat());
    ran.fails(1, &["waiting a moment", "in use by process", "waited 5 s", "--dir"]);
}

/// A yes that was typed before the question stood there may have been meant for another.
#[test]
fn what_is_typed_before_one_can_have_read_the_question_is_no_answer() {
    let mut house = House::new();
    house.start_node();
    let (keys, tty) = terminal();
    let mut command = house.command(&["run", "asker/1", "-i", "\"effects\""]);
    let stderr = tty.try_clone().expect("the terminal");
    let mut child = command.stdin(tty).stderr(stderr).spawn().expect("it runs");
    // Else the terminal stays open on this side, and its end is never seen.
    drop(command);
    let mut keys = File::from(keys);
    writeln!(keys, "approve").expect("typed");
    sees(&mut keys, "only just come");
    house.await_status("asker/1", "asking");
    waits();
    assert!(house.run(&["asks"]).ok().out.contains("asker/1"), "it is still open");
    writeln!(keys, "approve").expect("typed");
    sees(&mut keys, "completed");
    assert!(child.wait().expect("it ends").success());
}
