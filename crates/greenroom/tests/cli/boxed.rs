//! Agents in boxes: real sandboxes, a model that goes by a script, a node that is killed.

use crate::house::{House, until};
use greenroom::agent::scripted::{Script, ScriptedServer};
use serde_json::{Value, json};
use std::path::PathBuf;

const COFFEE: &str = r#"base = "host"
[files]
"/srv/menu" = { text = "latte\n" }
[limits]
wall = "20s"
[actions.brew]
description = "Brews a drink."
argv = ["sh", "-c", "echo \"$1\" >> /srv/orders; cat /srv/menu /srv/orders", "sh", "{drink}"]
schema = { type = "object", properties = { drink = { type = "string" } }, required = ["drink"] }
"#;

const BARISTA: &str = "---\nname: barista\nbox: coffee\n---\nBrew.";

/// A project with these files, whose model goes by these turns.
fn project(files: &[(&str, &str)], turns: Value) -> (House, ScriptedServer) {
    let house = House::with_agents("");
    let script = Script::parse(&json!({ "turns": turns }).to_string()).expect("a script");
    let server = ScriptedServer::start(script).expect("a server");
    let config = format!(
        "[models]\ndefault = \"script/m\"\n[providers.script]\nprotocol = \"chat\"\nurl = \"{}\"\n",
        server.chat_url()
    );
    let own = [("greenroom.toml", config.as_str()), ("boxes/coffee/box.toml", COFFEE)];
    for (name, text) in own.iter().chain(files) {
        let path = house.path(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, text).expect("written");
    }
    (house, server)
}

/// A turn of an agent whose prompt begins so, after so many replies.
fn calls(system: &str, replies: usize, calls: Value) -> Value {
    json!({ "when": { "system": system, "replies": replies }, "tool_calls": calls })
}

fn bash(command: &str) -> Value {
    json!({ "name": "Bash", "arguments": { "command": command } })
}

fn says(system: &str, words: &str) -> Value {
    json!({ "when": { "system": system }, "say": words })
}

/// What the tools have told an agent whose prompt begins so, in order.
fn told(server: &ScriptedServer, system: &str) -> Vec<String> {
    let mut all = Vec::new();
    for request in server.requests() {
        let messages = request.body["messages"].as_array().cloned().unwrap_or_default();
        let prompt = messages.first().and_then(|one| one["content"].as_str()).unwrap_or_default();
        let results = messages.iter().filter(|one| one["role"] == "tool");
        for result in results.filter(|_| prompt.starts_with(system)) {
            let one = (result["tool_call_id"].to_string(), result["content"].to_string());
            if !all.contains(&one) {
                all.push(one);
            }
        }
    }
    let text = |(_, json): (String, String)| serde_json::from_str(&json).unwrap_or(json);
    all.into_iter().map(text).collect()
}

/// Where boxes write on this machine.
fn uppers(house: &House) -> Vec<PathBuf> {
    let all = std::fs::read_dir(house.in_boxes("boxes"));
    all.map_or(Vec::new(), |all| all.flatten().map(|one| one.path()).collect())
}

/// Whether a box has written this.
fn wrote(house: &House, file: &str, words: &str) -> bool {
    uppers(house).iter().any(|dir| {
        let text = std::fs::read_to_string(dir.join("1/upper").join(file));
        text.is_ok_and(|text| text.contains(words))
    })
}

/// Starts `AGENT/1` and waits for its result.
fn result(house: &mut House, agent: &str) -> String {
    house.start_node();
    house.run(&["run", &format!("{agent}/1"), "-d", "-i", "\"begin\""]).ok();
    house.run(&["result", &format!("{agent}/1"), "--wait"]).ok().out
}

#[test]
fn actions_and_files_are_the_boxs_and_the_host_is_neither_seen_nor_changed() {
    let read = |path: &str| json!({ "name": "Read", "arguments": { "file_path": path } });
    let turns = json!([
        calls("Brew", 0, json!([{ "name": "brew", "arguments": { "drink": "mocha; id" } }])),
        calls(
            "Brew",
            1,
            json!([
                { "name": "Write", "arguments": { "file_path": "/desk/a/b.txt", "content": "one\n" } },
                { "name": "Edit", "arguments": { "file_path": "/desk/a/b.txt", "old_string": "one", "new_string": "two" } },
            ])
        ),
        calls(
            "Brew",
            2,
            json!([
                read("/desk/a/b.txt"),
                { "name": "LS", "arguments": { "path": "/desk" } },
                { "name": "Glob", "arguments": { "pattern": "**/*.txt" } },
                { "name": "Grep", "arguments": { "pattern": "tw.", "path": "/desk" } },
                read("/srv/nothing"),
                read("/etc/shadow"),
            ])
        ),
        calls("Brew", 3, json!([bash("ls /desk/a; cat greenroom.toml; exit 3")])),
        says("Brew", "brewed"),
    ]);
    let (mut house, server) = project(&[("agents/barista.md", BARISTA)], turns);
    assert_eq!(result(&mut house, "barista"), "\"brewed\"\n");
    let told = told(&server, "Brew");
    assert_eq!(told[0], "latte\nmocha; id");
    assert!(told[1].contains("is written") && told[2].contains("is changed"), "{told:?}");
    assert_eq!(told[3], "1\ttwo\n");
    assert_eq!(told[4], "/desk/a/\n");
    assert_eq!(told[5], "/desk/a/b.txt\n");
    assert_eq!(told[6], "/desk/a/b.txt:1:two\n");
    assert!(told[7].contains("/srv/nothing"), "{}", told[7]);
    assert!(told[8].contains("/etc/shadow"), "{}", told[8]);
    assert!(told[9].contains("b.txt") && told[9].contains("(exit code 3)"), "{}", told[9]);
    assert!(told[9].contains("greenroom.toml: No such file"), "{}", told[9]);
    assert!(!house.path("desk").exists() && !PathBuf::from("/desk/a/b.txt").exists());
    let names: Vec<String> = server.requests()[0].body["tools"]
        .as_array()
        .expect("tools")
        .iter()
        .filter_map(|tool| Some(tool["function"]["name"].as_str()?.to_owned()))
        .collect();
    assert!(names.contains(&"brew".to_owned()), "{names:?}");
    assert_eq!(names.iter().filter(|name| *name == "Bash").count(), 1, "{names:?}");
    until("its end disposes of the box", || uppers(&house).is_empty());
}

#[test]
fn killed_in_the_middle_a_command_is_not_done_twice_and_its_files_are_there() {
    let slow = "echo begun >> /srv/log; sleep 600; echo done >> /srv/log";
    let turns = json!([
        calls("Brew", 0, json!([bash("echo one > /srv/first")])),
        calls("Brew", 1, json!([bash(slow)])),
        calls(
            "Brew",
            2,
            json!([bash("sleep 0.3; cat /srv/first /srv/log; ls /proc | grep -c '^[0-9]'")])
        ),
        says("Brew", "well"),
    ]);
    let (mut house, server) = project(&[("agents/barista.md", BARISTA)], turns);
    house.start_node();
    house.run(&["run", "barista/1", "-d", "-i", "\"begin\""]).ok();
    until("it is in the middle", || wrote(&house, "srv/log", "begun"));
    house.kill();
    house.start_node();
    assert_eq!(house.run(&["result", "barista/1", "--wait"]).ok().out, "\"well\"\n");
    let told = told(&server, "Brew");
    assert!(told[1].contains("not known whether this was done"), "{told:?}");
    assert!(told[2].starts_with("one\nbegun\n"), "{told:?}");
    let running: u32 = told[2].lines().last().and_then(|n| n.parse().ok()).expect("a number");
    assert!(running < 8, "the command of before is ended: {told:?}");
}

#[test]
fn a_box_whose_owner_was_cancelled_or_ended_while_no_node_ran_is_disposed_of() {
    let turns = json!([
        calls("Brew", 0, json!([bash("echo begun > /srv/log; sleep 600")])),
        says("Brew", "well"),
    ]);
    let (mut house, _server) = project(&[("agents/barista.md", BARISTA)], turns);
    house.start_node();
    house.run(&["run", "barista/1", "-d", "-i", "\"begin\""]).ok();
    until("it is in the middle", || wrote(&house, "srv/log", "begun"));
    house.run(&["cancel", "barista/1", "--reason", "enough"]).ok();
    house.await_status("barista/1", "cancelled");
    until("the box is gone", || uppers(&house).is_empty());
    // The end is durable, and the node dies before it looks.
    house.run(&["run", "barista/2", "-d", "-i", "\"begin\""]).ok();
    until("it is in the middle", || wrote(&house, "srv/log", "begun"));
    house.run(&["cancel", "barista/2", "--kill", "--reason", "enough"]).ok();
    house.kill();
    house.start_node();
    until("the box is gone", || uppers(&house).is_empty());
}

/// The places in the history where the state has another box or other files.
fn kept(house: &House, id: &str) -> Vec<u64> {
    let all = house.run(&["history", id, "--all", "--json"]).ok().json();
    let all = all.as_array().expect("events").clone();
    let kept = all.iter().filter(|one| one["event"]["StateSet"]["key"] == "box");
    kept.filter_map(|one| one["seq"].as_u64()).collect()
}

#[test]
fn a_fork_and_a_restart_have_the_files_of_their_moment() {
    let turns = json!([
        calls("Brew", 0, json!([bash("echo one > /srv/f")])),
        calls(
            "Brew",
            1,
            json!([bash("cat /srv/f >> /srv/seen; echo two > /srv/f; cat /srv/seen")])
        ),
        calls("Brew", 2, json!([bash("cat /srv/f")])),
        says("Brew", "well"),
    ]);
    let (mut house, server) = project(&[("agents/barista.md", BARISTA)], turns);
    assert_eq!(result(&mut house, "barista"), "\"well\"\n");
    until("the box is gone", || uppers(&house).is_empty());
    let kept = kept(&house, "barista/1");
    assert_eq!(kept.len(), 3, "at first, and after each command that changed something: {kept:?}");
    let before = told(&server, "Brew").len();
    house.run(&["fork", "barista/1", "--at", &kept[1].to_string(), "--key", "2"]).ok();
    assert_eq!(house.run(&["result", "barista/2", "--wait"]).ok().out, "\"well\"\n");
    let all = told(&server, "Brew");
    assert_eq!(all[before..], ["one", "two"], "{all:?}");
    // The same process from there on: its box is gone, and comes back as it was.
    let before = all.len();
    house.run(&["restart", "barista/1", "--at", &kept[1].to_string()]).ok();
    house.run(&["result", "barista/1", "--wait"]).ok();
    let all = told(&server, "Brew");
    assert!(
        all[before].ends_with("one") && all[before].contains("as they were last kept"),
        "{all:?}"
    );
    assert!(all[before + 1].ends_with("two"), "{all:?}");
    until("the boxes are gone", || uppers(&house).is_empty());
}

#[test]
fn a_fork_in_the_middle_of_a_command_runs_it_in_a_box_of_its_own() {
    let turns = json!([
        calls("Brew", 0, json!([bash("echo one > /srv/f")])),
        calls(
            "Brew",
            1,
            json!([bash("cat /srv/f >> /srv/seen; sleep 3; echo two > /srv/f; cat /srv/seen")])
        ),
        calls("Brew", 2, json!([bash("cat /srv/f")])),
        says("Brew", "well"),
    ]);
    let (mut house, server) = project(&[("agents/barista.md", BARISTA)], turns);
    house.start_node();
    house.run(&["run", "barista/1", "-d", "-i", "\"begin\""]).ok();
    until("it is in the middle", || wrote(&house, "srv/seen", "one"));
    house.run(&["fork", "barista/1", "--key", "2"]).ok();
    for id in ["barista/1", "barista/2"] {
        assert_eq!(house.run(&["result", id, "--wait"]).ok().out, "\"well\"\n");
    }
    let mut all = told(&server, "Brew");
    all.sort();
    // What was the same call and the same result in both is there once.
    assert_eq!(all, ["(it printed nothing)", "one", "two", "two"]);
}

#[test]
fn sub_agents_work_in_branches_whose_merges_are_commits_and_a_conflict_is_told() {
    let lead = "---\nname: lead\nbox: coffee\n---\nLead.";
    let writer = "---\nname: writer\nisolation: box\n---\nWrite.";
    let start = |task: &str| json!({ "name": "start_agent", "arguments": { "agent": "writer", "task": task } });
    let writes = |task: &str, command: &str| json!({ "when": { "system": "Write", "text": task, "replies": 0 }, "tool_calls": [bash(command)] });
    let after = |result: &str, calls: Value| {
        json!({
            "when": { "system": "Lead", "tool_result": result }, "tool_calls": calls, "times": 1
        })
    };
    let turns = json!([
        calls("Lead", 0, json!([bash("echo base > /srv/base")])),
        calls("Lead", 1, json!([start("left"), start("right")])),
        {
            "when": { "system": "Lead", "text": "has finished" },
            "for_each": "the agent (\\S+) has finished",
            "tool_calls": [
                { "name": "diff_agent", "arguments": { "id": "$1" } },
                { "name": "merge_agent", "arguments": { "id": "$1", "restart": true } },
            ]
        },
        after("nothing was merged", json!([bash("cd /srv; ls; cat shared")])),
        says("Lead", "well"),
        writes("left", "cat /srv/base; echo left > /srv/left; echo left > /srv/shared"),
        writes("right", "cat /srv/base; echo right > /srv/right; echo right > /srv/shared"),
        says("Write", "written"),
    ]);
    let (mut house, server) =
        project(&[("agents/lead.md", lead), ("agents/writer.md", writer)], turns);
    assert_eq!(result(&mut house, "lead"), "\"well\"\n");
    let all = told(&server, "Lead");
    let merged = all.iter().filter(|one| one.contains("is in your box")).count();
    let refused: Vec<&String> =
        all.iter().filter(|one| one.contains("nothing was merged")).collect();
    assert_eq!((merged, refused.len()), (1, 1), "{all:?}");
    assert!(refused[0].contains("srv/shared"), "{refused:?}");
    assert!(all.iter().any(|one| one.contains("--- new: /srv/shared")), "{all:?}");
    let seen = all.iter().find(|one| one.starts_with("base\n")).expect("it looked");
    let (won, lost) = if seen.ends_with("left") { ("left", "right") } else { ("right", "left") };
    assert!(seen.contains(&format!("\n{won}\n")) && !seen.contains(lost), "{seen}");
    assert_eq!(told(&server, "Write"), ["base", "base"], "each begins with the lead's files");
    until("the boxes are gone", || uppers(&house).is_empty());
}

#[test]
fn disjoint_branches_are_both_merged() {
    let lead = "---\nname: lead\nbox: coffee\n---\nLead.";
    let writer = "---\nname: writer\nisolation: box\n---\nWrite.";
    let start =
        |task: &str| json!({ "name": "agent", "arguments": { "agent": "writer", "task": task } });
    let writes = |task: &str, command: &str| json!({ "when": { "system": "Write", "text": task, "replies": 0 }, "tool_calls": [bash(command)] });
    let turns = json!([
        calls("Lead", 0, json!([start("left"), start("right")])),
        {
            "when": { "system": "Lead", "replies": 1 },
            "for_each": "the work of (\\S+) is not in",
            "tool_calls": [{ "name": "merge_agent", "arguments": { "id": "$1" } }]
        },
        calls("Lead", 2, json!([bash("ls /srv")])),
        says("Lead", "well"),
        writes("left", "echo left > /srv/left"),
        writes("right", "echo right > /srv/right"),
        says("Write", "written"),
    ]);
    let (mut house, server) =
        project(&[("agents/lead.md", lead), ("agents/writer.md", writer)], turns);
    assert_eq!(result(&mut house, "lead"), "\"well\"\n");
    let all = told(&server, "Lead");
    assert_eq!(all.iter().filter(|one| one.contains("not in your box yet")).count(), 2, "{all:?}");
    assert_eq!(
        all.iter().filter(|one| one.ends_with("in your box, 1 paths")).count(),
        2,
        "{all:?}"
    );
    assert_eq!(all.last().map(String::as_str), Some("left\nmenu\nright"), "{all:?}");
}

#[test]
fn what_takes_too_long_is_ended_with_all_it_started() {
    let box_toml = COFFEE.replace("20s", "700ms");
    let turns = json!([
        calls(
            "Brew",
            0,
            json!([bash("(sleep 600; echo late > /srv/late) & echo begun; sleep 600")])
        ),
        says("Brew", "well"),
    ]);
    let files = [("agents/barista.md", BARISTA), ("boxes/coffee/box.toml", box_toml.as_str())];
    let (mut house, server) = project(&files, turns);
    assert_eq!(result(&mut house, "barista"), "\"well\"\n");
    let told = told(&server, "Brew");
    assert!(
        told[0].contains("after 700ms, its time limit") && told[0].ends_with("begun"),
        "{told:?}"
    );
}

#[test]
fn a_box_that_cannot_be_is_told_and_nothing_runs_on_the_host() {
    let turns = json!([calls("Brew", 0, json!([bash("touch touched")])), says("Brew", "well"),]);
    let micro = format!("level = \"microvm\"\n{COFFEE}");
    let files = [("agents/barista.md", BARISTA), ("boxes/coffee/box.toml", micro.as_str())];
    let (mut house, server) = project(&files, turns);
    assert_eq!(result(&mut house, "barista"), "\"well\"\n");
    let told = told(&server, "Brew");
    assert!(told[0].contains("isolation level `microvm` is missing"), "{told:?}");
    assert!(!house.path("touched").exists());
    // No such box at all.
    let nothing = "---\nname: barista\nbox: cofee\n---\nBrew.";
    let (mut house, server) =
        project(&[("agents/barista.md", nothing)], json!([says("Brew", "well")]));
    house.start_node();
    house.run(&["run", "barista/1", "-d", "-i", "\"begin\""]).ok();
    house.await_status("barista/1", "failed");
    let why = house.run(&["result", "barista/1"]);
    assert!(why.err.contains("did you mean `coffee`"), "{}", why.err);
    assert_eq!(server.count(), 0);
}

#[test]
fn a_box_writes_to_its_agent_and_no_further_than_both_say() {
    let boxed = "---\nname: barista\nbox:\n  name: coffee\n  hub:\n    send: [barista/2, till/1]\n---\nBrew.";
    let box_toml = format!("{COFFEE}[hub]\nsend = [\"barista/*\", \"clerk/1\"]\n");
    let send = |to: &str| bash(&format!("greenroom-hub send {to} note '\"hi\"' 2>&1"));
    let all = ["owner", "barista/2", "clerk/1", "till/1"].map(send);
    let turns = json!([calls("Brew", 0, json!(all)), says("Brew", "well")]);
    let files = [("agents/barista.md", boxed), ("boxes/coffee/box.toml", box_toml.as_str())];
    let (mut house, server) = project(&files, turns);
    assert_eq!(result(&mut house, "barista"), "\"well\"\n");
    let told = told(&server, "Brew");
    assert!(told[0].contains("\"told\":1"), "{told:?}");
    assert!(told[1].contains("no_process"), "it may, but there is none: {told:?}");
    for refused in &told[2..] {
        assert!(refused.contains("not_allowed") && refused.contains("[hub]"), "{refused}");
    }
}
