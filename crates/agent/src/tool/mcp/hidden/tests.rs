//! Secrets and words of every day.

use super::*;
use crate::tool::mcp::McpConfig;
use serde_json::json;

fn found(server: serde_json::Value) -> Vec<String> {
    let config = json!({ "mcpServers": { "one": server } }).to_string();
    let config = McpConfig::parse(&config).unwrap();
    let lookup = |name: &str| Some(format!("value-of-{name}"));
    let secrets = secrets(&config.servers["one"], &lookup);
    secrets.iter().map(|secret| secret.reveal().to_owned()).collect()
}

#[test]
fn what_a_child_is_given() {
    let env = json!({"API_KEY": "hush-hush", "NODE_ENV": "production", "PLACE": "${HOME}",
        "OTHER": "${MY_TOKEN}", "DB": "postgres://me:pw@host/db"});
    let found = found(json!({"command": "x", "args": ["--t=${A_SECRET}", "--all"], "env": env}));
    let wanted =
        ["hush-hush", "postgres://me:pw@host/db", "value-of-MY_TOKEN", "value-of-A_SECRET"];
    assert_eq!(found, wanted);
}

#[test]
fn what_a_server_is_sent() {
    let headers =
        json!({"Authorization": "Bearer ${T}", "X-Team": "greenroom-people", "X-A": "${B}"});
    let found = found(json!({"type": "http", "url": "https://h/${PATH_KEY}", "headers": headers}));
    let wanted = ["value-of-PATH_KEY", "value-of-T", "Bearer value-of-T", "value-of-B"];
    assert_eq!(found, wanted);
}
