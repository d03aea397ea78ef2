//! Commands that look, with a node and without.

use crate::house::House;
use std::io::Read;

/// Runs the same look with a node and after it has gone.
fn both(house: &mut House, look: impl Fn(&House)) {
    look(house);
    assert_eq!(house.stop_node(), Some(0));
    look(house);
}

#[test]
fn ps_lists_what_runs_and_with_all_what_ended() {
    let mut house = House::up();
    house.run(&["run", "add/1", "-i", r#"{"a":1,"b":2}"#]).ok();
    house.run(&["run", "asker/1", "-d", "-i", "\"x\""]).ok();
    house.await_status("asker/1", "asking");
    both(&mut house, |house| {
        let running = house.run(&["ps"]).ok().out;
        assert!(running.contains("asker/1") && !running.contains("add/1"), "{running}");
        assert!(running.contains("approval, in 1d"), "{running}");
        let all = house.run(&["ps", "-a"]).ok().out;
        assert!(all.contains("add/1") && all.contains("completed"), "{all}");
        let some = house.run(&["ps", "--status", "completed", "--kind", "add", "--json"]).ok();
        assert_eq!(some.json().as_array().map(Vec::len), Some(1));
        let one = house.run(&["ps", "-a", "--limit", "1"]).ok();
        assert!(one.out.lines().count() == 2 && one.err.contains("and more"), "{}", one.err);
    });
}

#[test]
fn history_reads_well_and_raw() {
    let mut house = House::up();
    house.run(&["run", "add/1", "-i", r#"{"a":1,"b":2}"#]).ok();
    both(&mut house, |house| {
        let text = house.run(&["history", "add/1"]).ok().out;
        let names: Vec<_> =
            text.lines().skip(1).filter_map(|line| line.split_whitespace().nth(2)).collect();
        assert_eq!(names, ["WorkflowStarted", "StepCompleted", "WorkflowCompleted"]);
        let all = house.run(&["history", "add/1", "--all"]).ok().out;
        assert!(all.contains("StepStarted"), "{all}");
        let raw = house.run(&["history", "add/1", "--json"]).ok().json();
        assert_eq!(raw[3]["seq"], 4);
        assert_eq!(raw[3]["event"]["WorkflowCompleted"]["result"], 3);
        let logs = house.run(&["logs", "add/1"]).ok().out;
        assert!(logs.contains("StepCompleted"), "{logs}");
    });
}

#[test]
fn state_result_asks_and_dead() {
    let mut house = House::up();
    house.run(&["run", "echo/1", "-d"]).ok();
    house.run(&["run", "asker/1", "-d", "-i", "\"x\""]).ok();
    house.run(&["send", "echo/1", r#"{"n":1}"#]).ok();
    house.await_status("asker/1", "asking");
    crate::house::until("the state is set", || house.run(&["state", "echo/1", "last"]).code == 0);
    both(&mut house, |house| {
        assert_eq!(house.run(&["state", "echo/1", "last"]).ok().out, "{\"n\":1}\n");
        assert_eq!(house.run(&["state", "echo/1", "--json"]).ok().json()["last"]["n"], 1);
        house.run(&["state", "echo/1", "none"]).fails(3, &["has set nothing called `none`"]);
        house.run(&["result", "echo/1"]).fails(5, &["has not ended, it is receiving", "--wait"]);
        let asks = house.run(&["asks"]).ok().out;
        assert!(asks.contains("approve|reject") && asks.contains("Write the line?"), "{asks}");
        assert_eq!(house.run(&["asks", "--json"]).ok().json()[0]["process"], "asker/1");
        house.run(&["dead"]).ok();
        assert_eq!(house.run(&["dead", "--json"]).ok().json(), serde_json::json!([]));
    });
}

#[test]
fn tree_shows_children_below_parents() {
    let mut house = House::up();
    house.run(&["run", "lead/1", "-i", r#"{"a":1,"b":2}"#]).ok();
    both(&mut house, |house| {
        let tree = house.run(&["tree", "lead/1"]).ok().out;
        assert!(tree.contains("lead/1  completed"), "{tree}");
        assert!(tree.contains("└─ add/child  completed"), "{tree}");
        assert_eq!(house.run(&["tree"]).ok().out.lines().count(), 2);
    });
}

#[test]
fn logs_follow_to_the_end() {
    let house = House::up();
    house.run(&["run", "echo/1", "-d"]).ok();
    let child = house.command(&["logs", "echo/1", "-f"]).spawn().expect("it runs");
    let json = house.command(&["logs", "echo/1", "-f", "--json"]).spawn().expect("it runs");
    house.run(&["send", "echo/1", "say", "[1]"]).ok();
    house.run(&["send", "echo/1", "stop", "null"]).ok();
    let output = child.wait_with_output().expect("it ends");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && text.contains("WorkflowCompleted"), "{text}");
    let output = json.wait_with_output().expect("it ends");
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        serde_json::from_str::<serde_json::Value>(line).expect("a line of JSON");
    }
}

#[test]
fn export_and_import_move_everything() {
    let mut house = House::up();
    house.run(&["run", "add/1", "-i", r#"{"a":1,"b":2}"#]).ok();
    house.run(&["run", "asker/1", "-d", "-i", "\"x\""]).ok();
    house.await_status("asker/1", "asking");
    house.run(&["export", "-o", "live.jsonl"]).ok();
    let piped = house.run(&["export"]).ok().out;
    assert_eq!(house.stop_node(), Some(0));
    house.run(&["export", "-o", "cold.jsonl"]).ok();
    let cold = std::fs::read_to_string(house.path("cold.jsonl")).expect("read");
    let live = std::fs::read_to_string(house.path("live.jsonl")).expect("read");
    // But for the time in the first line, and the sum over it in the last.
    let processes = |text: &str| {
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines[1..lines.len() - 1].to_vec()
    };
    assert_eq!(processes(&cold), processes(&live));
    assert_eq!(processes(&cold), processes(&piped));
    let other = House::up();
    std::fs::write(other.path("all.jsonl"), &cold).expect("written");
    let done = other.run(&["import", "all.jsonl"]).ok().out;
    assert_eq!(done, "imported 2 processes; 0 were there already\n");
    let again = other.run(&["import", "all.jsonl", "--json"]).ok().json();
    assert_eq!((again["imported"].as_u64(), again["present"].as_u64()), (Some(0), Some(2)));
    assert_eq!(other.run(&["result", "add/1"]).ok().out, "3\n");
    other.run(&["answer", "asker/1", "reject"]).ok();
    assert_eq!(other.run(&["result", "asker/1", "--wait"]).ok().out, "\"reject\"\n");
}

#[test]
fn doctor_looks_at_everything() {
    let mut house = House::up();
    house.run(&["run", "add/1", "-i", r#"{"a":1,"b":2}"#]).ok();
    both(&mut house, |house| {
        let text = house.run(&["doctor", "--deep"]).ok().out;
        for word in ["node", "store", "kinds", "disk", "sync", "every history is whole"] {
            assert!(text.contains(word), "{word}: {text}");
        }
        assert!(!text.contains("not read"), "{text}");
        let plain = house.run(&["doctor"]).ok().out;
        let line = plain.lines().find(|line| line.starts_with("skipped  deep ")).expect("a line");
        assert!(line.contains("not read") && line.contains(" doctor --deep"), "{plain}");
        assert!(house.run(&["doctor", "--json"]).ok().json().as_array().is_some());
    });
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let house = House::up();
    house.run(&["run", "add/1", "-i", r#"{"a":1,"b":2}"#]).ok();
    let mut child = house.command(&["history", "add/1"]).spawn().expect("it runs");
    drop(child.stdout.take());
    let mut err = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut err).expect("read");
    assert!(child.wait().expect("it ends").success(), "{err}");
    assert_eq!(err, "");
}

#[test]
fn trace_tells_what_a_request_caused() {
    let mut house = House::up();
    house.run(&["run", "lead/1", "-i", r#"{"a":1,"b":2}"#]).ok();
    house.run(&["run", "add/1", "-i", r#"{"a":1,"b":2}"#]).ok();
    both(&mut house, |house| {
        let text = house.run(&["trace", "lead/1"]).ok().out;
        let line = |words: [&str; 2]| {
            let found = text.lines().position(|line| words.iter().all(|word| line.contains(word)));
            found.unwrap_or_else(|| panic!("no {words:?} in {text}"))
        };
        let spawned = line(["lead/1", "ProcessSpawned"]);
        let done = line(["add/child", "WorkflowCompleted"]);
        assert!(spawned < done && done < line(["lead/1", "WorkflowCompleted"]), "{text}");
        assert!(!text.contains("add/1"), "{text}");
        let raw = house.run(&["trace", "lead/1", "--json"]).ok().out;
        let first: serde_json::Value =
            serde_json::from_str(raw.lines().next().unwrap_or_default()).expect("JSON");
        assert_eq!((&first["process"], &first["seq"]), (&"lead/1".into(), &1.into()));
        house.run(&["trace", "lead/none"]).fails(3, &["lead/none"]);
        house.run(&["trace", "add/child"]).fails(3, &["goes back to lead/1", "trace lead/1`"]);
        house.run(&["trace", "lead"]).fails(2, &["lead"]);
    });
}
