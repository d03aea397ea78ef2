//! `budget`: what a process may use up, and giving it more.

use crate::house::{House, until};

#[test]
fn a_loop_stops_with_its_budget_until_a_person_gives_more() {
    let mut house = House::up();
    house.run(&["run", "loop/1", "-d", "--budget", "messages=20,money=1.50"]).ok();
    house.await_status("loop/1", "blocked");
    let report = || house.run(&["budget", "loop/1", "--json"]).ok().json();
    assert_eq!(report()["accounts"][0]["spent"]["messages"], 20);
    let shown = house.run(&["budget", "loop/1"]).ok().out;
    let words = |of: &str| -> Vec<String> {
        let line = shown.lines().find(|line| line.contains(of)).expect("a line");
        line.split_whitespace().map(str::to_owned).collect()
    };
    assert_eq!(words("messages"), ["loop/1", "messages", "20", "20", "0", "0"], "{shown}");
    assert_eq!(words("money"), ["loop/1", "money", "1.5", "0", "0", "1.5"], "{shown}");
    assert!(shown.contains("1 operation waits for more; --add gives it"), "{shown}");
    let doctor = house.run(&["doctor"]).ok().out;
    assert!(doctor.contains("used up: loop/1 (all 20 messages; 1 operation waits)"), "{doctor}");
    let ps = house.run(&["ps"]).ok().out;
    assert!(ps.contains("the budget of loop/1"), "{ps}");
    let history = house.run(&["history", "loop/1"]).ok().out;
    assert!(
        history.contains("budget of loop/1") && history.contains("waits for 1 message"),
        "{history}"
    );

    // It waits on after a crash of the node.
    house.kill();
    house.start_node();
    house.run(&["budget", "loop/1", "--add", "messages=5"]).ok();
    let spent = || house.run(&["budget", "loop/1", "--json"]).ok().json();
    until("five more", || spent()["accounts"][0]["spent"]["messages"] == 25);
    house.await_status("loop/1", "blocked");
    house.run(&["cancel", "loop/1"]).ok();
    house.await_status("loop/1", "cancelled");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let house = House::up();
    let run = |budget: &str| house.run(&["run", "echo/1", "-d", "--budget", budget]);
    run("messages=many").fails(2, &["`many` is no number of messages"]);
    run("time=5").fails(2, &["only messages, tokens and money"]);
    run("money=1.2345678").fails(2, &["up to six decimals"]);
    run("").fails(2, &["write it like messages=1000"]);
    house.run(&["run", "echo/1", "-d"]).ok();
    assert!(house.run(&["budget", "echo/1"]).ok().out.contains("echo/1 has no budget"));
    house.run(&["budget", "echo/1", "--add", "messages=1"]).fails(2, &["echo/1 has no budget"]);
    house.run(&["budget", "echo/2"]).fails(3, &["no process echo/2"]);
    house.run(&["run", "echo/3", "-d", "--budget", "tokens=1"]).ok();
    let add = |more: &str| house.run(&["budget", "echo/3", "--add", more]);
    add("messages=1").fails(2, &["no limit on messages"]);
    add("tokens=18446744073709551615").fails(2, &["cannot be counted"]);
    add("tokens=1").ok();
}

#[test]
fn who_follows_a_process_is_told_how_its_budget_is_raised() {
    let house = House::up();
    let mut run = house.command(&["run", "loop/1", "--budget", "messages=2"]);
    let run = run.stderr(std::process::Stdio::piped()).spawn().expect("runs");
    house.await_status("loop/1", "blocked");
    house.run(&["budget", "loop/1", "--add", "messages=1"]).ok();
    house.run(&["cancel", "loop/1"]).ok();
    let told = run.wait_with_output().expect("ends").stderr;
    let told = String::from_utf8_lossy(&told);
    assert_eq!(told.matches("budget loop/1` shows what is left, with --add").count(), 1, "{told}");
}
