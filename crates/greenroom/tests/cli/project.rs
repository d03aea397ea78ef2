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
fn a_file_that_cannot_be_is_named_before_anything_starts_and_looking_goes_on() {
    let mut house = house();
    house.start_node();
    let bad = "---\nname: bad\nlimits: {turns: 0}\n---\nHelp.\n";
    fs::write(house.path("agents/bad.md"), bad).expect("a file");
    house.run(&["ps"]).ok();
    house.stop_node();
    house.run(&["up"]).fails(2, &["bad.md", "limits.turns: 0"]);
    fs::remove_file(house.path("agents/bad.md")).expect("it is there");
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
