//! An MCP server that dies under its agent.

use crate::house::{House, models, server, told};
use greenroom_agent::Agent;
use greenroom_agent::tool::mcp::{McpConfig, McpServers};
use greenroom_runtime::Registry;
use serde_json::json;

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
