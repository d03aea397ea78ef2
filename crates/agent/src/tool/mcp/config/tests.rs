//! Configurations as people have them, and as they should not be.

use super::*;

#[test]
fn what_people_have() {
    let config = McpConfig::parse(
        r#"{ "mcpServers": {
            "git hub": { "command": "npx", "args": ["-y", "x"], "env": { "TOKEN": "${T}" },
                         "autoApprove": ["a"], "excludeTools": ["delete_*"], "timeout": 5000 },
            "docs": { "type": "http", "url": "https://a/mcp", "headers": { "Authorization": "secret-1" },
                      "includeTools": ["get_*"] },
            "off": { "command": "x", "disabled": true }
        } }"#,
    )
    .unwrap();
    let names: Vec<&str> = config.servers.keys().map(String::as_str).collect();
    assert_eq!(names, ["docs", "git_hub"]);
    let (hub, docs) = (&config.servers["git_hub"], &config.servers["docs"]);
    assert!(hub.gives("create_pr") && !hub.gives("delete_repo"));
    assert!(docs.gives("get_page") && !docs.gives("put_page"));
    assert_eq!(hub.timeout, Duration::from_secs(5));
    assert!(!format!("{config:?}").contains("secret-1"));
}

#[test]
fn what_cannot_be_is_told_without_values() {
    let told = |entry: &str| {
        McpConfig::parse(&format!(r#"{{ "mcpServers": {{ "a": {entry} }} }}"#))
            .expect_err("it cannot be")
            .to_string()
    };
    assert_eq!(told("{}"), "MCP server `a`: expected `command` or `url`");
    assert!(told(r#"{ "command": "a", "url": "b" }"#).contains("expected one of them"));
    assert!(told(r#"{ "type": "sse", "url": "b" }"#).contains("`sse` is not supported"));
    assert!(told(r#"{ "type": "ftp", "url": "b" }"#).contains("expected stdio or http"));
    assert!(told(r#"{ "type": "http" }"#).contains("needs a `url`"));
    assert!(told(r#"{ "type": "stdio" }"#).contains("needs a `command`"));
    let wrong = told(r#"{ "command": "a", "env": "hunter2" }"#);
    assert!(wrong.contains("cannot be read") && !wrong.contains("hunter2"), "{wrong}");
    let twice = r#"{ "mcpServers": { "a b": { "url": "x" }, "a_b": { "url": "x" } } }"#;
    assert!(McpConfig::parse(twice).unwrap_err().to_string().contains("called `a_b` too"));
    let under = r#"{ "mcpServers": { "a__b": { "url": "x" } } }"#;
    assert!(McpConfig::parse(under).unwrap_err().to_string().contains("`__` parts"));
}

#[test]
fn a_project_has_one_file() {
    let dir = tempfile::tempdir().expect("a folder");
    let find = || McpConfig::find(dir.path()).map(|config| config.servers.len());
    assert_eq!(find(), Ok(0));
    std::fs::write(dir.path().join(".mcp.json"), r#"{"mcpServers": {"a": {"command": "b"}}}"#)
        .unwrap();
    assert_eq!(find(), Ok(1));
    std::fs::write(dir.path().join(".mcp.json"), "{\n]").unwrap();
    assert!(find().unwrap_err().to_string().starts_with(".mcp.json: line 2: the MCP servers"));
    std::fs::write(dir.path().join("mcp.json"), "{}").unwrap();
    assert!(find().unwrap_err().to_string().contains("keep one of them"));
}
