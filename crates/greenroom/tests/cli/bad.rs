//! Bad input: each has a clear error and an exit code that is not zero.

use crate::house::House;

const NO_NODE: &[&str] = &["no node is running for .greenroom", "start one with `probe up`"];

#[test]
fn changing_needs_a_node() {
    let house = House::new();
    for args in [
        &["send", "a/1", "1"][..],
        &["answer", "a/1", "yes"],
        &["cancel", "a/1"],
        &["pause", "a/1"],
        &["resume", "a/1"],
        &["restart", "a/1"],
        &["fork", "a/1"],
    ] {
        house.run(args).fails(1, NO_NODE);
    }
    house.run(&["ps"]).fails(1, NO_NODE);
    let words = ["there is no store sqlite:.greenroom/store.db", "`probe run`", "--dir"];
    house.run(&["ps"]).fails(1, &words);
}

#[test]
fn unknown_kinds_and_processes() {
    let house = House::up();
    let ran = house.run(&["run", "ad", "-i", "1"]);
    ran.fails(
        3,
        &[
            "no kind `ad`",
            "add, asker, box_mailbox, echo, failer, lead, loop, narrow, pusher, queued, ring, schedule, sleeper, slow, supervisor",
            "did you mean `add`?",
        ],
    );
    house.run(&["run", "zebra"]).fails(3, &["no kind `zebra`"]);
    for command in ["history", "state", "result", "pause", "cancel", "tree"] {
        house.run(&[command, "add/none"]).fails(3, &["there is no process add/none"]);
    }
    let json = house.run(&["history", "add/none", "--json"]).fails(3, &[]);
    let error: serde_json::Value = serde_json::from_str(&json.err).expect("JSON");
    assert_eq!(error["error"]["code"], "no_process");
}

#[test]
fn bad_json_says_where() {
    let house = House::up();
    house.run(&["run", "add", "-i", "{\"a\": }"]).fails(2, &["not valid JSON", "line 1 column 7"]);
    house.run(&["run", "add", "-i", "@none.json"]).fails(2, &["cannot read none.json"]);
    house.run(&["run", "add", "-i", "@.greenroom"]).fails(2, &["directory"]);
    house.run_with(&["run", "add", "-i", "-"], b"\xff\xfe").fails(2, &["not UTF-8"]);
    house.run(&["send", "echo/1", "not json"]).fails(2, &["not valid JSON", "column"]);
    house.run(&["run", "add", "-i", "{\"a\":\"x\"}"]).fails(1, &["does not fit"]);
}

#[test]
fn odd_ids() {
    let house = House::up();
    for odd in ["a b/1", "add/ä", "add/", "/1", "add/a/b", "Add/1", "add/.."] {
        house.run(&["run", odd]).fails(2, &["is not a valid id"]);
        house.run(&["history", odd]).fails(2, &["is not a valid id"]);
    }
    house.run(&["history", "add"]).fails(2, &["write KIND/KEY"]);
    // As long as the system lets an argument be.
    let long = format!("add/{}", "x".repeat(120 << 10));
    let ran = house.run(&["run", &long]).fails(2, &["1 to 200 characters"]);
    assert!(ran.err.len() < 500);
    house.run(&["answer", "asker/1#x", "yes"]).fails(2, &["an ask is written"]);
}

#[test]
fn an_ended_process_takes_no_message() {
    let house = House::up();
    house.run(&["run", "add/1", "-i", r#"{"a":1,"b":2}"#]).ok();
    house.run(&["send", "add/1", "1"]).fails(1, &["add/1 has ended (completed)"]);
    house.run(&["run", "add/1", "-d"]).fails(1, &["add/1 exists already, it is completed"]);
}

#[test]
fn large_payloads_are_refused() {
    let house = House::up();
    let file = std::fs::File::create(house.path("large")).expect("made");
    file.set_len(100 << 20).expect("sized");
    house.run(&["run", "echo", "-i", "@large"]).fails(2, &["104857600 bytes is over the limit"]);
    let large = vec![b'1'; 100 << 20];
    house.run_with(&["run", "echo", "-i", "-"], &large).fails(2, &["over the limit of 33554432"]);
    house.run(&["ps"]).ok();
}

#[test]
fn stores_that_cannot_be_used() {
    let mut house = House::new();
    std::fs::create_dir(house.path("dir")).expect("made");
    let ran = house.run(&["up", "--store", "sqlite:dir"]);
    ran.fails(1, &["cannot open the store sqlite:dir", "directory"]);
    std::fs::write(house.path("text"), "this is no database, whatever it is called")
        .expect("written");
    house.run(&["up", "--store", "sqlite:text"]).fails(1, &["cannot open the store sqlite:text"]);
    house.run(&["up", "--store", "oracle:x"]).fails(1, &["sqlite:FILE"]);
    house.start_node();
    // The same file, from another directory.
    let ran = house.run(&["up", "--dir", "other", "--store", "sqlite:.greenroom/store.db"]);
    ran.fails(1, &["in use", "process"]);
}

#[test]
fn usage_errors_are_code_two() {
    let house = House::new();
    house.run(&["fly"]).fails(2, &["fly"]);
    house.run(&["ps", "--status", "odd"]).fails(2, &["no status `odd`", "receiving"]);
    house.run(&["restart", "a/1", "--fresh", "--at", "3"]).fails(2, &["cannot be used with"]);
    for args in [&["fly", "--json"][..], &["--json"], &["ps", "--json", "--limit", "many"]] {
        let ran = house.run(args).fails(2, &[]);
        let error: serde_json::Value = serde_json::from_str(&ran.err).expect("JSON");
        assert_eq!(error["error"]["code"], "usage", "{error}");
        assert!(error["error"]["message"].as_str().is_some_and(|text| text.len() > 5), "{error}");
    }
}

#[test]
fn help_speaks_of_the_binary_it_is_of() {
    let house = House::new();
    for command in ["run", "send", "answer", "completion"] {
        let help = house.run(&[command, "--help"]).ok().out;
        let examples = help.split("Example").nth(1).expect("an example").to_owned();
        assert!(examples.contains("probe") && !examples.contains("greenroom"), "{help}");
    }
}

#[test]
fn a_fork_onto_a_taken_key_says_what_to_do() {
    let house = House::up();
    house.run(&["run", "echo/1", "-d"]).ok();
    house.await_status("echo/1", "receiving");
    let words = ["echo/1 exists already", "another key, or none"];
    house.run(&["fork", "echo/1", "--key", "1"]).fails(1, &words);
}

#[test]
fn a_store_that_may_only_be_read_can_be_looked_at() {
    use std::os::unix::fs::PermissionsExt;
    let mut house = House::up();
    house.run(&["run", "add/1", "-i", r#"{"a":1,"b":2}"#]).ok();
    assert_eq!(house.stop_node(), Some(0));
    let copy = house.path("copy");
    std::fs::create_dir(&copy).expect("made");
    std::fs::copy(house.path(".greenroom/store.db"), copy.join("store?.db")).expect("copied");
    let mode = |mode| std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(copy.join("store?.db"), mode(0o444)).expect("set");
    std::fs::set_permissions(&copy, mode(0o555)).expect("set");
    for args in [&["ps", "-a"][..], &["history", "add/1"], &["state", "add/1"], &["export"]] {
        house.run(&[args, &["--store", "sqlite:copy/store?.db"]].concat()).ok();
    }
    house.run(&["up", "--store", "sqlite:copy/store?.db"]).fails(1, &["the file is read-only"]);
    std::fs::set_permissions(&copy, mode(0o755)).expect("set");
}
