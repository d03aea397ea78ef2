//! A tool of an MCP server with effects, and a node that is killed in the middle of it.

use crate::house::{House, until};
use serde_json::json;
use std::fs;

const SERVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../agent/tests/tools/server.py");
const RECORDED: &str = "[models]\ndefault = \"recorded/x\"\n[providers.recorded]\nprotocol = \"recorded\"\nurl = \"run.json\"\n";

/// A folder with an agent that calls a tool which never answers, on these terms.
fn house(terms: &str) -> House {
    let house = House::new();
    fs::create_dir(house.path("agents")).expect("a folder");
    let payer = format!("---\nname: payer\n{terms}---\nYou pay.\n");
    fs::write(house.path("agents/payer.md"), payer).expect("a file");
    fs::write(house.path("greenroom.toml"), RECORDED).expect("a file");
    let server = json!({ "command": "python3", "args": [SERVER, "stdio"],
        "env": { "NOTES": house.path("notes") } });
    let servers = json!({ "mcpServers": { "shop": server } }).to_string();
    fs::write(house.path(".mcp.json"), servers).expect("a file");
    let turns = json!([
        {"when": {"tool_result": "not known"}, "say": "I shall look first."},
        {"when": {"text": "pay"}, "tool_calls": [{"name": "mcp__shop__hang_writing"}]}
    ]);
    fs::write(house.path("run.json"), json!({ "turns": turns }).to_string()).expect("a file");
    house
}

fn calls(house: &House) -> usize {
    let notes = fs::read_to_string(house.path("notes")).unwrap_or_default();
    notes.lines().filter(|line| line.starts_with("hang_writing ")).count()
}

fn killed_in_the_middle(terms: &str) -> House {
    let mut house = house(terms);
    house.start_node();
    house.run(&["run", "payer/1", "-d", "-i", "pay it"]).ok();
    until("it is under way", || calls(&house) == 1);
    house.kill();
    house.start_node();
    house
}

#[test]
fn a_call_with_effects_is_not_made_again_and_the_model_is_told() {
    let house = killed_in_the_middle("");
    let result = house.run(&["result", "payer/1", "--wait"]).ok();
    assert_eq!(result.out, "\"I shall look first.\"\n");
    assert_eq!(calls(&house), 1);
}

#[test]
fn it_is_made_again_if_the_definition_says_that_it_may_be() {
    let house = killed_in_the_middle("toolPolicy:\n  mcp__shop__*: {atMostOnce: false}\n");
    until("it is made again", || calls(&house) == 2);
}
