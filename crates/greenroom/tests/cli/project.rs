//! A project's folder: agents, a recording in place of a model, and files that
//! cannot be.

use crate::house::House;
use std::fs;

const RECORDED: &str = "[models]\ndefault = \"recorded/x\"\n[providers.recorded]\nprotocol = \"recorded\"\nurl = \"run.json\"\n";

/// A folder with an agent `helper` that answers by a recording.
fn house() -> House {
    let house = House::new();
    fs::create_dir(house.path("agents")).expect("a folder");
    let helper = "---\nname: helper\ntools: Read, Glob\ncolor: red\n---\nYou help.\n";
    fs::write(house.path("agents/helper.md"), helper).expect("a file");
    fs::write(house.path("greenroom.toml"), RECORDED).expect("a file");
    fs::write(house.path("notes.txt"), "the door code is 4711\n").expect("a file");
    let turns = r#"{"turns": [
        {"when": {"text": "code"}, "tool_calls": [{"name": "Read", "arguments": {"file_path": "notes.txt"}}]},
        {"when": {"tool_result": "4711"}, "say": "It is 4711."},
        {"when": {"text": "write"}, "tool_calls": [{"name": "Write", "arguments": {"file_path": "x", "content": "x"}}]},
        {"when": {"tool_result": "no tool"}, "say": "I may not write."}
    ]}"#;
    fs::write(house.path("run.json"), turns).expect("a file");
    house
}

#[test]
fn an_agent_of_the_folder_is_run_with_plain_words() {
    let house = house();
    let ran = house.run(&["run", "helper", "--input", "what is the door code?"]).ok();
    assert_eq!(ran.out, "\"It is 4711.\"\n");
    assert!(ran.err.contains("helper.md: not used here: color"), "{}", ran.err);
    assert!(house.run(&["kinds"]).ok().out.contains("helper"));
}

#[test]
fn a_tool_that_its_definition_does_not_name_is_not_there() {
    let house = house();
    let ran = house.run(&["run", "helper", "--input", "write something"]).ok();
    assert_eq!(ran.out, "\"I may not write.\"\n");
    assert!(!house.path("x").exists());
}

#[test]
fn a_file_that_cannot_be_is_named_before_anything_starts() {
    let mut house = house();
    house.start_node();
    house.stop_node();
    fs::write(house.path("greenroom.toml"), "[modles]\n").expect("a file");
    house.run(&["run", "helper"]).fails(2, &["greenroom.toml", "modles"]);
    fs::write(house.path("greenroom.toml"), RECORDED.replace("run.json", "gone.json"))
        .expect("a file");
    house.run(&["run", "helper", "--input", "hello"]).fails(1, &["gone.json"]);
}

#[test]
fn an_agent_that_is_called_otherwise_than_its_file_is_told_by_its_name() {
    let house = House::with_agents("http://127.0.0.1:9");
    std::fs::create_dir(house.path("agents")).expect("a folder");
    std::fs::write(house.path("agents/order.md"), "---\nname: orders\n---\nHelp.").expect("a file");
    let words = ["there is no agent `order` here", "did you mean `orders`?"];
    house.run(&["run", "order", "--input", "go"]).fails(2, &words);
    house.run(&["run", "zzz", "--input", "go"]).fails(2, &["no agent `zzz`", "orders"]);
}

/// What a model says may move no cursor and turn no letters, wherever it is printed.
#[test]
fn what_a_model_says_is_plain_where_a_run_and_its_result_are_printed() {
    let house = house();
    let turns = r#"{"turns": [
        {"when": {"text": "well"}, "say": "so \u202e\u001b[2J\u009b it is"},
        {"say": "I \u001b[2J\u001b]0;owned\u0007\u202e", "finish": "content_filter"}
    ]}"#;
    fs::write(house.path("run.json"), turns).expect("a file");
    let is_plain = |ran: &crate::house::Ran| {
        let all = format!("{}{}", ran.out, ran.err);
        let is_safe =
            |letter: char| (!letter.is_control() && letter != '\u{202e}') || letter == '\n';
        assert!(all.chars().all(is_safe), "{all:?}");
    };
    for args in [&["run", "helper/1", "-i", "well"][..], &["result", "helper/1"]] {
        let ran = house.run(args).ok();
        is_plain(&ran);
        assert_eq!(ran.json(), "so \u{202e}\u{1b}[2J\u{9b} it is");
        is_plain(&house.run(&["result", "helper/1", "--json"]).ok());
    }
    for args in [&["run", "helper/2", "-i", "ill"][..], &["result", "helper/2"]] {
        let ran = house.run(args).fails(1, &["owned"]);
        is_plain(&ran);
        is_plain(&house.run(&["result", "helper/2", "--json"]));
    }
}

/// Whatever lies in `agents/`, the others run; who asks for the one that cannot be is told.
#[test]
fn a_file_that_is_no_agent_is_told_and_keeps_no_other_from_running() {
    let mut house = house();
    let bad = "---\nname: My Agent\nlimits: {turns: 0}\n---\nHelp.\n";
    fs::write(house.path("agents/bad.md"), bad).expect("a file");
    fs::write(house.path("agents/README.md"), "# Agents\n").expect("a file");
    std::os::unix::fs::symlink("nowhere", house.path("agents/gone.md")).expect("a link");
    let ran = house.run(&["run", "helper/1", "-i", "what is the door code?"]).ok();
    for words in ["bad.md: line 3: limits.turns: 0", "README.md: line 1: no front", "gone.md: "] {
        assert!(ran.err.contains(words), "{}", ran.err);
    }
    house.start_node();
    for args in [&["run", "bad", "-i", "go"][..], &["run", "My Agent"], &["chat", "bad"]] {
        house.run(args).fails(2, &["error: ", "bad.md: line 3: limits.turns: 0", "mend the file"]);
    }
    house.run(&["ps"]).ok();
}

/// A guard that is misspelt is no guard, and nobody would see it.
#[test]
fn a_misspelt_guard_is_refused_and_json_has_the_warnings_too() {
    let house = house();
    let typo = "---\naprove: {Write: always}\n---\nHelp.\n";
    fs::write(house.path("agents/typo.md"), typo).expect("a file");
    house
        .run(&["run", "typo", "-i", "go"])
        .fails(2, &["typo.md: line 2", "did you mean `approve`?"]);
    let ran = house.run(&["run", "helper", "-i", "what is the door code?", "--json"]).ok();
    let told: Vec<serde_json::Value> =
        ran.err.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    let told = |words: &str| {
        let message = |line: &serde_json::Value| line["warning"]["message"].to_string();
        told.iter().any(|line| message(line).contains(words))
    };
    assert!(told("not used here: color") && told("did you mean `approve`?"), "{}", ran.err);
}

/// A task is words, wherever it stands; and who gives none is told what that means.
#[test]
fn a_task_may_be_a_file_of_words_and_one_that_is_left_out_is_told() {
    let mut house = house();
    fs::write(house.path("task.txt"), "What is the door code?\n").expect("a file");
    let ran = house.run(&["run", "helper", "--input", "@task.txt"]).ok();
    assert_eq!(ran.out, "\"It is 4711.\"\n");
    let ran = house.run_with(&["run", "helper", "--input", "-"], b"the code?").ok();
    assert_eq!(ran.out, "\"It is 4711.\"\n");
    fs::write(house.path("task.json"), "{\"task\": ").expect("a file");
    house.run(&["run", "helper", "--input", "@task.json"]).fails(2, &["task.json is not valid"]);
    house.start_node();
    let ran = house.run(&["run", "helper/1", "--detach"]).ok();
    assert!(ran.err.contains("chat helper/1` talks to it"), "{}", ran.err);
    let ran = house.run(&["run", "helper/2", "-d", "-i", "code"]).ok();
    assert!(!ran.err.contains("talks to it"), "{}", ran.err);
}
