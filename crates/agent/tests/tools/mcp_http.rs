//! MCP servers by HTTP: restarted, cut off, asked without a key.

use crate::mcp::SERVER;
use crate::world::{World, until};
use greenroom_agent::tool::Tool;
use greenroom_agent::tool::mcp::{MCP_CONFIG, MCP_GONE, MCP_TOO_LARGE, McpConfig, McpServers};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A server at a port. Ended with the test.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn start(port: u16, notes: &std::path::Path) -> Server {
        let mut child = Command::new("python3")
            .args([SERVER, "http", &port.to_string()])
            .env("NOTES", notes)
            .env("TOKEN", "hush-hush")
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a port");
        Server { child, port: line.trim().parse().expect("a number") }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn servers(port: u16, token: &'static str) -> McpServers {
    let config = json!({ "mcpServers": { "web": {
        "type": "http", "url": format!("http://127.0.0.1:{port}/mcp?key=${{TOKEN}}"),
        "headers": { "Authorization": "Bearer ${TOKEN}" }, "timeout": 10_000,
    } } });
    let config = McpConfig::parse(&config.to_string()).expect("it can be");
    McpServers::with(config, Duration::from_secs(10), move |name| {
        (name == "TOKEN").then(|| token.to_owned())
    })
}

async fn tool(servers: &McpServers, name: &str) -> Tool {
    let listed = servers.specs().await.expect("listed");
    servers.tool(listed.iter().find(|tool| tool.tool == name).expect("it is there"))
}

async fn echo(world: &World, echo: &Tool) -> Value {
    world.call(echo, json!({ "text": "hello" })).await.expect("it works")
}

#[tokio::test]
async fn a_server_that_is_restarted_is_found_again() {
    let (world, dir) = (World::new(), tempfile::tempdir().expect("a folder"));
    let notes = dir.path().join("notes");
    let noted = |word: &str| {
        let notes = std::fs::read_to_string(&notes).unwrap_or_default();
        notes.lines().filter(|line| line.split(' ').next() == Some(word)).count()
    };
    let server = Server::start(0, &notes);
    let port = server.port;
    let servers = servers(port, "hush-hush");
    let (reads, writes) = (tool(&servers, "echo").await, tool(&servers, "write").await);
    assert_eq!(echo(&world, &reads).await, json!("hello"));

    // At once: the session is unknown, and nothing was done.
    drop(server);
    let server = Server::start(port, &notes);
    assert_eq!(echo(&world, &writes).await, json!("hello"));
    assert!(noted("unknown") > 0);

    // While a call is under way: it fails, and does not hang.
    let hanging = tool(&servers, "hang_writing").await;
    let call = world.begin(&hanging, json!({})).await;
    until("it is under way", || noted("hang_writing") == 1).await;
    drop(server);
    let failure = world.end(&call).await.unwrap_err();
    assert_eq!(failure.kind, MCP_GONE);
    assert!(failure.message.contains("not known whether"), "{failure}");
    assert!(!failure.message.contains("hush"), "{failure}");

    // While it is away: tried again, in vain, and then not in vain.
    let hasty = reads.clone().attempts(3);
    let failure = world.call(&hasty, json!({ "text": "hello" })).await.unwrap_err();
    assert_eq!(failure.kind, MCP_GONE);
    assert!(failure.retryable && !failure.message.contains("not known whether"), "{failure}");
    let _server = Server::start(port, &notes);
    let patient = reads.attempts(20);
    assert_eq!(echo(&world, &patient).await, json!("hello"));
    assert_eq!(noted("hang_writing"), 1);
}

#[tokio::test]
async fn answers_that_are_cut_off_or_too_large_are_failures() {
    let (world, dir) = (World::new(), tempfile::tempdir().expect("a folder"));
    let server = Server::start(0, &dir.path().join("notes"));
    let servers = servers(server.port, "hush-hush");
    let cut = tool(&servers, "cut").await.attempts(1);
    let failure = world.call(&cut, json!({})).await.unwrap_err();
    assert!(failure.is(MCP_GONE) || failure.is("timeout"), "{failure}");
    let big = tool(&servers, "big").await;
    let failure = world.call(&big, json!({ "bytes": 50_000_000 })).await.unwrap_err();
    assert_eq!(failure.kind, MCP_TOO_LARGE, "{failure}");
    assert_eq!(echo(&world, &tool(&servers, "echo").await).await, json!("hello"));
}

#[tokio::test]
async fn a_key_that_is_refused_is_told_and_never_shown() {
    let dir = tempfile::tempdir().expect("a folder");
    let server = Server::start(0, &dir.path().join("notes"));
    let failure = servers(server.port, "wrong-key").specs().await.unwrap_err();
    assert_eq!(failure.kind, MCP_CONFIG);
    assert!(failure.message.contains("`web`: it refuses the credentials"), "{failure}");
    let nobody = servers(9, "wrong-key").specs().await.unwrap_err();
    assert_eq!(nobody.kind, MCP_GONE);
    assert!(nobody.message.contains("`web` did not start") && nobody.message.contains("refused"));
    assert!(!nobody.message.contains("wrong-key"), "{nobody}");
}
