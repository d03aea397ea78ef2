//! An MCP server that dies under its agent, and one that never says a word.

use crate::house::{House, models, server, told};
use greenroom_agent::Agent;
use greenroom_agent::tool::mcp::{McpConfig, McpServers};
use greenroom_runtime::Registry;
use serde_json::json;
use std::path::Path;
use std::time::{Duration, Instant};

const SERVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tools/server.py");

#[tokio::test(flavor = "multi_thread")]
async fn an_mcp_server_that_restarts_does_not_hang_its_agent() {
    let server = server(&json!([
        {"when": {"tool_result": "still here"}, "say": "it is back"},
        {"when": {"tool_result": ""}, "tool_calls":
            [{"name": "mcp__test__echo", "arguments": {"text": "still here"}}]},
        {"when": {"text": "go"}, "tool_calls":
            [{"name": "mcp__test__die_writing", "arguments": {}}]},
    ]));
    let config = json!({"mcpServers": {"test": {
        "command": "${PYTHON:-python3}", "args": [SERVER, "stdio", ""]
    }}});
    let servers = McpServers::new(McpConfig::parse(&config.to_string()).unwrap());
    let agent = Agent::new("user", "You use it.", models(&server)).mcp(&servers);
    let house = House::new(agent.register(Registry::new()));
    let id = house.start("user", &json!("go")).await;
    assert_eq!(house.result(&id).await, "it is back");
    let told = told(&server, "tool");
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].to_string().contains("out of paper"), "why it failed: {}", told[0]);
}

/// A server that notes its start and never says a word.
fn hung(notes: &Path, start_limit: Duration) -> McpServers {
    let command = format!("echo started >> {}; exec sleep 100", notes.display());
    let config = json!({"mcpServers": {"mute": {"command": "sh", "args": ["-c", command]}}});
    let config = McpConfig::parse(&config.to_string()).unwrap();
    McpServers::with(config, start_limit, |name| std::env::var(name).ok())
}

fn starts(notes: &Path) -> usize {
    std::fs::read_to_string(notes).unwrap_or_default().lines().count()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_mcp_server_that_hangs_holds_up_nobody_who_does_not_use_it() {
    let folder = tempfile::tempdir().unwrap();
    let notes = folder.path().join("notes");
    let server = server(&json!([{"when": {}, "say": "done"}]));
    let servers = hung(&notes, Duration::from_secs(60));
    let agent = |name: &str| Agent::new(name, "You work.", models(&server)).mcp(&servers);
    let named = agent("named").with(|one| {
        one.tools = Some(vec!["Read".into(), "mcp__other__*".into()]);
        one.approve.insert("mcp__mute__pay".into(), Default::default());
    });
    let barred = agent("barred").with(|one| one.disallowed_tools = vec!["mcp__mute".into()]);
    let house = House::new(barred.register(named.register(Registry::new())));
    let begun = Instant::now();
    for kind in ["named", "barred"] {
        let id = house.start(kind, &json!("go")).await;
        assert_eq!(house.result(&id).await, "done");
    }
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!(starts(&notes), 0, "nobody needs it");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_mcp_server_that_hangs_costs_all_who_use_it_its_time_limit_once() {
    let folder = tempfile::tempdir().unwrap();
    let notes = folder.path().join("notes");
    let server = server(&json!([{"when": {}, "say": "done"}]));
    let servers = hung(&notes, Duration::from_secs(2));
    let kinds = ["a", "b", "c", "d", "e", "f"];
    let registry = kinds.iter().fold(Registry::new(), |registry, name| {
        Agent::new(name, "You work.", models(&server)).mcp(&servers).register(registry)
    });
    let house = House::new(registry);
    let begun = Instant::now();
    let mut ids = Vec::new();
    for kind in kinds {
        ids.push(house.start(kind, &json!("go")).await);
    }
    for id in &ids {
        assert_eq!(house.result(id).await, "done");
        let state = house.node.state(id).await.unwrap();
        let told = state.iter().any(|row| {
            row.key == "warnings" && row.value.to_string().contains("has not answered `initialize`")
        });
        assert!(told, "{state:?}");
    }
    // Not one after the other.
    assert!(begun.elapsed() < Duration::from_secs(9), "{:?}", begun.elapsed());
    assert!((1..=2).contains(&starts(&notes)), "{} starts", starts(&notes));
}
