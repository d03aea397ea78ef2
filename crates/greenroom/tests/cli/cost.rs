//! `cost`: what each call of a tree took.

use crate::house::House;
use serde_json::json;
use std::fs;

const PRICED: &str = "[models]\ndefault = \"recorded/x\"\n[providers.recorded]\nprotocol = \"recorded\"\n\
    url = \"run.json\"\n[prices.\"recorded/x\"]\ninput = 2.0\noutput = 10.0\n";

#[test]
fn each_call_each_process_and_the_tree_have_their_cost() {
    let house = House::new();
    fs::create_dir(house.path("agents")).expect("a folder");
    let agent = |name: &str, tools: &str| {
        let text = format!(
            "---\nname: {name}\ndescription: {name}\ntools: {tools}\n---\nYou are {name}.\n"
        );
        fs::write(house.path(&format!("agents/{name}.md")), text).expect("a file");
    };
    agent("boss", "agent");
    agent("kid", "report");
    fs::write(house.path("greenroom.toml"), PRICED).expect("a file");
    let turns = json!([
        {"when": {"tool_result": "grown"}, "say": "It has grown."},
        {"when": {"text": "please grow"}, "say": "grown"},
        {"when": {"text": "raise"},
         "tool_calls": [{"name": "agent", "arguments": {"agent": "kid", "task": "please grow"}}]}
    ]);
    fs::write(house.path("run.json"), json!({ "turns": turns }).to_string()).expect("a file");
    house.run(&["run", "boss/1", "-i", "raise it"]).ok();

    let costs = house.run(&["cost", "boss/1", "--json"]).ok().json();
    let costs = costs.as_array().expect("processes");
    assert_eq!(costs.len(), 2, "{costs:?}");
    for (cost, calls) in costs.iter().zip([2, 1]) {
        let id = cost["process"].as_str().expect("its id");
        let paid = cost["payments"].as_array().expect("payments");
        assert_eq!(paid.len(), calls, "{cost}");
        assert!(paid.iter().all(|one| one["step"] == "model recorded/x" && one["open"].is_null()));
        // What its calls took is what the agent itself counted, and its price.
        let state = house.run(&["state", id, "--json"]).ok().json();
        let value = |key: &str| state[key].clone();
        let tokens = |name: &str| value("usage")[name].as_u64().expect("tokens");
        assert_eq!(cost["total"]["tokens"], tokens("input") + tokens("output"));
        assert_eq!(cost["total"]["money_micro"], 2 * tokens("input") + 10 * tokens("output"));
        assert_eq!(cost["total"]["money_micro"], value("money_micro"));
    }
    let sum = |key: &str| {
        costs.iter().map(|cost| cost["total"][key].as_u64().expect("a sum")).sum::<u64>()
    };
    let shown = house.run(&["cost", "boss/1"]).ok().out;
    let last: Vec<&str> = shown.lines().last().expect("the sum").split_whitespace().collect();
    assert_eq!(last[..3], ["all", "3x", sum("tokens").to_string().as_str()], "{shown}");
    let money: f64 = last[3].parse().expect("money");
    assert_eq!((money * 1e6).round() as u64, sum("money_micro"));
    let calls = house.run(&["cost", "boss/1", "--calls"]).ok().out;
    assert_eq!(calls.matches("model recorded/x").count(), 3, "{calls}");
    // Whoever calls no model has paid nothing, and nobody is asked who is not there.
    house.run(&["cost", "nobody/1"]).fails(3, &["nobody/1"]);
}
