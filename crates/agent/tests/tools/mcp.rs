//! MCP servers that are children of the node: well behaved, killed, stuck, broken.

use crate::world::{World, until};
use greenroom_agent::tool::Tool;
use greenroom_agent::tool::mcp::{
    MCP_ANSWER, MCP_CONFIG, MCP_GONE, MCP_REFUSED, MCP_TOO_LARGE, McpConfig, McpServers, McpTool,
    TOOL_FAILED,
};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub const SERVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tools/server.py");

struct Mcp {
    world: World,
    servers: McpServers,
    dir: TempDir,
}

impl Mcp {
    /// A server in this mode, with more to say of it.
    fn new(mode: &str, more: &Value) -> Mcp {
        Mcp::within(mode, more, Duration::from_secs(20))
    }

    fn within(mode: &str, more: &Value, start_limit: Duration) -> Mcp {
        Mcp::noted_in(tempfile::tempdir().expect("a folder"), mode, more, start_limit)
    }

    fn noted_in(dir: TempDir, mode: &str, more: &Value, start_limit: Duration) -> Mcp {
        let notes = dir.path().join("notes");
        let mut server = json!({
            "command": "${PYTHON:-python3}", "args": [SERVER, "stdio", mode],
            "env": { "NOTES": notes.to_str(), "TOKEN": "${SECRET}" },
        });
        for (name, value) in more.as_object().expect("an object") {
            server[name] = value.clone();
        }
        let config = json!({ "mcpServers": { "test": server } }).to_string();
        let config = McpConfig::parse(&config).expect("it can be");
        let servers = McpServers::with(config, start_limit, |name| match name {
            "SECRET" => Some("hush-hush".to_owned()),
            "UNSET" => None,
            name => std::env::var(name).ok(),
        });
        Mcp { world: World::new(), servers, dir }
    }

    async fn listed(&self, tool: &str) -> McpTool {
        let listed = self.servers.specs().await.expect("listed");
        listed.into_iter().find(|known| known.tool == tool).expect("it is there")
    }

    async fn tool(&self, tool: &str) -> Tool {
        self.servers.tool(&self.listed(tool).await)
    }

    async fn call(&self, tool: &str, arguments: Value) -> Value {
        let tool = self.tool(tool).await;
        self.world.call(&tool, arguments).await.expect("it works")
    }

    fn notes(&self) -> String {
        let notes: PathBuf = self.dir.path().join("notes");
        std::fs::read_to_string(notes).unwrap_or_default()
    }

    fn count(&self, word: &str) -> usize {
        self.notes().lines().filter(|line| line.split(' ').next() == Some(word)).count()
    }

    async fn pid(&self) -> Pid {
        pid(self.call("pid", json!({})).await.as_str().expect("a text"))
    }
}

fn pid(text: &str) -> Pid {
    Pid::from_raw(text.trim().parse().expect("a number")).expect("not zero")
}

/// Dead and waited for, or waiting to be.
fn is_gone(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    test_kill_process(pid).is_err() || stat.is_ok_and(|stat| stat.contains(") Z "))
}

#[tokio::test]
async fn tools_are_listed_over_all_pages_and_called() {
    let mcp = Mcp::new("", &json!({ "excludeTools": ["hang*"] }));
    let listed = mcp.servers.specs().await.unwrap();
    let names: Vec<&str> = listed.iter().map(|tool| tool.spec.name.as_str()).collect();
    assert_eq!(names.len(), 11, "{names:?}");
    assert!(names.is_sorted() && names.contains(&"mcp__test__echo"), "{names:?}");
    assert!(!names.iter().any(|name| name.contains("hang")));
    let echo = mcp.tool("echo").await;
    assert!(echo.policy.read_only && !mcp.tool("write").await.policy.read_only);
    let said = mcp.world.call(&echo, json!({ "text": "é\nü" })).await.unwrap();
    assert_eq!(said, json!("é\nü"));
    assert!(mcp.notes().contains("echo call/0"), "the step's key goes along: {}", mcp.notes());
    let wrong = mcp.world.call(&echo, json!({ "txt": 1 })).await.unwrap_err();
    assert_eq!(wrong.message, "`text` is missing: expected a string; given were `txt`");
    let failure = mcp.world.call(&mcp.tool("fail").await, json!({})).await.unwrap_err();
    assert_eq!((failure.kind.as_ref(), failure.message.as_str()), (TOOL_FAILED, "no such branch"));
    assert_eq!(mcp.count("list"), 3, "one round of pages for all of this: {}", mcp.notes());
    // What is journaled is read back as it was.
    let journaled = serde_json::to_string(&listed).unwrap();
    assert_eq!(serde_json::from_str::<Vec<McpTool>>(&journaled).unwrap(), listed);
}

#[tokio::test]
async fn a_child_sees_only_what_it_is_given() {
    let mcp = Mcp::new("", &json!({}));
    let env = mcp.tool("env").await;
    let value = async |name: &str| mcp.world.call(&env, json!({ "name": name })).await.unwrap();
    assert_eq!(value("TOKEN").await, json!("hush-hush"));
    assert_eq!(value("CARGO_MANIFEST_DIR").await, json!("none"));
    assert_ne!(value("PATH").await, json!("none"));
}

#[tokio::test]
async fn a_server_that_is_killed_is_started_again() {
    let mcp = Mcp::new("", &json!({}));
    let echo = mcp.tool("echo").await;
    for _ in 0..3 {
        let pid = mcp.pid().await;
        kill_process(pid, Signal::KILL).unwrap();
        let said = mcp.world.call(&echo, json!({ "text": "again" })).await.unwrap();
        assert_eq!(said, json!("again"));
        assert_ne!(mcp.pid().await, pid);
    }
}

#[tokio::test]
async fn a_call_that_was_under_way_fails_and_is_made_again_only_if_it_may_be() {
    let mcp = Mcp::new("", &json!({}));
    let pid = mcp.pid().await;
    let writing = mcp.tool("hang_writing").await;
    let call = mcp.world.begin(&writing, json!({})).await;
    until("it is under way", || mcp.count("hang_writing") == 1).await;
    kill_process(pid, Signal::KILL).unwrap();
    let begun = Instant::now();
    let failure = mcp.world.end(&call).await.unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_eq!(failure.kind, MCP_GONE);
    let words = &failure.message;
    assert!(words.contains("`test` is lost while `hang_writing` was under way"), "{words}");
    assert!(words.contains("signal: 9") && words.contains("not known whether"), "{words}");
    assert_eq!(mcp.count("hang_writing"), 1, "{}", mcp.notes());

    // Reading is tried again, three times in all, and what the server said is told.
    let die = mcp.tool("die").await.attempts(3);
    let failure = mcp.world.call(&die, json!({})).await.unwrap_err();
    assert_eq!((failure.kind.as_ref(), mcp.count("die")), (MCP_GONE, 3), "{}", mcp.notes());
    assert!(failure.message.contains("exit status: 3"), "{failure}");
    assert!(failure.message.contains("out of paper, token [hidden]"), "{failure}");
    assert!(!failure.message.contains("hush"), "{failure}");
}

#[tokio::test]
async fn a_call_with_effects_is_made_at_most_once_unless_somebody_says_otherwise() {
    let mcp = Mcp::new("", &json!({}));
    assert!(!mcp.tool("echo").await.policy.at_most_once);
    let writing = mcp.tool("write").await;
    assert!(writing.policy.at_most_once);
    // A server that has not heard of it is waited for.
    let pid = mcp.pid().await;
    kill_process(pid, Signal::KILL).unwrap();
    until("it is gone", || is_gone(pid)).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let said = mcp.world.call(&writing, json!({ "text": "once" })).await.unwrap();
    assert_eq!((said, mcp.count("write")), (json!("once"), 1));
    // Who knows better has it made again.
    let mut die = mcp.tool("die_writing").await.attempts(2);
    let failure = mcp.world.call(&die, json!({})).await.unwrap_err();
    assert_eq!((failure.kind.as_ref(), mcp.count("die_writing")), (MCP_GONE, 1));
    die.policy.at_most_once = false;
    let failure = mcp.world.call(&die, json!({})).await.unwrap_err();
    assert_eq!(mcp.count("die_writing"), 3, "{}", mcp.notes());
    assert!(failure.message.contains("not known whether"), "{failure}");
}

/// Who answers is not lost, whatever it says; and nobody waits for another answer.
#[tokio::test]
async fn an_answer_that_is_no_result_is_told_at_once_and_the_server_is_kept() {
    let mcp = Mcp::new("", &json!({}));
    let (pid, writing) = (mcp.pid().await, mcp.tool("write").await);
    for (text, why) in [
        ("empty", "that is no result of it"),
        ("weird", "that is no result of it"),
        ("half", "that is no result of it"),
        ("lone", "that cannot be read"),
    ] {
        let begun = Instant::now();
        let failure = mcp.world.call(&writing, json!({ "text": text })).await.unwrap_err();
        assert_eq!(failure.kind, MCP_ANSWER, "{text}: {failure}");
        assert!(failure.message.contains("`test` has answered `write`"), "{text}: {failure}");
        assert!(failure.message.contains(why), "{text}: {failure}");
        assert!(failure.message.contains("not known whether it took effect"), "{failure}");
        assert!(begun.elapsed() < Duration::from_secs(20), "{text}");
    }
    assert_eq!((mcp.count("write"), mcp.pid().await), (4, pid), "{}", mcp.notes());
}

#[tokio::test]
async fn a_server_that_keeps_failing_is_tried_less_and_less_often() {
    let mcp = Mcp::new("crash", &json!({}));
    let first = mcp.servers.specs().await.unwrap_err();
    assert_eq!(first.kind, MCP_GONE);
    assert!(first.retryable && first.message.contains("`test` did not start"), "{first}");
    assert!(first.message.contains("no licence for [hidden]"), "{first}");
    let mut last = first;
    let begun = Instant::now();
    while last.left_alone_for().is_none() {
        last = mcp.servers.specs().await.unwrap_err();
    }
    assert!(begun.elapsed() >= Duration::from_millis(1750), "it has waited");
    assert!(last.message.contains("failed 5 times in a row; it is tried again in"), "{last}");
    assert!(last.left_alone_for().is_some_and(|wait| wait > Duration::from_secs(1)));
}

#[tokio::test]
async fn a_server_that_never_answers_initialize_is_given_up() {
    let mcp = Mcp::within("silent", &json!({}), Duration::from_secs(2));
    let failure = mcp.servers.specs().await.unwrap_err();
    assert_eq!(failure.kind, MCP_GONE);
    assert!(failure.message.contains("has not answered `initialize` in 2s"), "{failure}");
}

#[tokio::test]
async fn a_tool_that_hangs_ends_at_its_time_limit_and_the_server_is_told() {
    let mcp = Mcp::new("", &json!({ "timeout": 300 }));
    let failure = mcp.world.call(&mcp.tool("hang_writing").await, json!({})).await.unwrap_err();
    assert_eq!(failure.kind, "timeout");
    assert!(
        failure.message.contains("`test` has not answered `hang_writing` in 300ms"),
        "{failure}"
    );
    assert!(failure.message.contains("not known whether"), "{failure}");
    until("the server knows", || mcp.count("cancelled") == 1).await;
    assert_eq!(mcp.call("echo", json!({ "text": "well" })).await, json!("well"));
}

/// The most that this process has had in memory, in KB, where Linux tells. nextest
/// gives each test a process of its own.
fn most_memory() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
    line.split_whitespace().nth(1).map_or(0, |text| text.parse().expect("a number"))
}

#[tokio::test]
async fn an_answer_of_50_mb_is_refused_and_the_server_goes_on() {
    let mcp = Mcp::new("", &json!({}));
    let (big, pid) = (mcp.tool("big").await, mcp.pid().await);
    let before = most_memory();
    let failure = mcp.world.call(&big, json!({ "bytes": 50_000_000 })).await.unwrap_err();
    assert_eq!(failure.kind, MCP_TOO_LARGE);
    assert!(failure.message.contains("larger than 16 MiB; ask for less"), "{failure}");
    // A line of 16 MiB in a buffer that doubles, not 50 MB and its copies.
    let grown = most_memory() - before;
    assert!(grown < 40_000, "{grown} KB more");
    let well = mcp.world.call(&big, json!({ "bytes": 5_000_000 })).await.unwrap();
    assert_eq!(well.as_str().unwrap().len(), 5_000_000);
    assert_eq!(mcp.pid().await, pid);
}

#[tokio::test]
async fn noise_is_passed_over() {
    let mcp = Mcp::new("", &json!({}));
    assert_eq!(mcp.call("noise", json!({})).await, json!("heard"));
}

#[tokio::test]
async fn tools_that_change_are_seen_when_asked_for_again() {
    let mcp = Mcp::new("", &json!({}));
    let before = mcp.servers.specs().await.unwrap().len();
    mcp.call("grow", json!({})).await;
    assert_eq!(mcp.servers.specs().await.unwrap().len(), before + 1);
    assert_eq!(
        mcp.call("grown", json!({})).await,
        json!({ "text": "yes", "structured": { "yes": true } })
    );
    // A tool that was journaled and is no more.
    let mut gone = mcp.listed("grown").await;
    gone.tool = "burnt".to_owned();
    let failure = mcp.world.call(&mcp.servers.tool(&gone), json!({})).await.unwrap_err();
    assert_eq!(failure.kind, MCP_REFUSED);
    assert!(failure.message.contains("refused `burnt`: no tool burnt"), "{failure}");
}

#[tokio::test]
async fn no_child_is_left_behind() {
    for in_good_order in [true, false] {
        let mcp = Mcp::new("stubborn", &json!({}));
        mcp.servers.specs().await.unwrap();
        let pids = pids(&mcp.notes());
        assert!(!pids.iter().any(|pid| is_gone(*pid)));
        if in_good_order {
            mcp.servers.close().await;
            let failure = mcp.servers.specs().await.unwrap_err();
            assert!(failure.message.contains("the node stops"), "{failure}");
        }
        drop(mcp);
        until("all are gone", || pids.iter().all(|pid| is_gone(*pid))).await;
    }
}

/// The stubborn server's number and that of what it has started.
fn pids(notes: &str) -> Vec<Pid> {
    let line = notes.lines().find(|line| line.starts_with("pids")).expect("noted");
    line.split(' ').skip(1).map(pid).collect()
}

#[tokio::test]
async fn a_node_that_is_killed_leaves_no_child_behind() {
    const NAME: &str = "mcp::a_node_that_is_killed_leaves_no_child_behind";
    if let Ok(dir) = std::env::var("GREENROOM_TEST_NODE") {
        // This is the node: it has a server until it is killed.
        let dir = tempfile::Builder::new().prefix("node").tempdir_in(dir).expect("a folder");
        let mcp = Mcp::noted_in(dir, "stubborn", &json!({}), Duration::from_secs(20));
        mcp.servers.specs().await.expect("listed");
        std::fs::write(mcp.dir.path().join("ready"), "").expect("written");
        return std::future::pending().await;
    }
    let dir = tempfile::tempdir().expect("a folder");
    let this = std::env::current_exe().expect("this test");
    let mut node = Command::new(this)
        .args([NAME, "--exact"])
        .env("GREENROOM_TEST_NODE", dir.path())
        .stdout(Stdio::null())
        .spawn()
        .expect("starts");
    let inner = || std::fs::read_dir(dir.path()).ok()?.next()?.ok().map(|entry| entry.path());
    let is_ready = || inner().is_some_and(|inner| inner.join("ready").exists());
    until("the node is ready", is_ready).await;
    let notes = std::fs::read_to_string(inner().expect("noted").join("notes")).expect("notes");
    let pids = pids(&notes);
    assert!(pids.len() == 2 && !pids.iter().any(|pid| is_gone(*pid)));
    node.kill().expect("killed");
    node.wait().expect("waited for");
    until("all are gone", || pids.iter().all(|pid| is_gone(*pid))).await;
}

#[tokio::test]
async fn a_server_that_takes_no_input_any_more_holds_up_nobody() {
    let mcp = Mcp::new("deaf", &json!({ "timeout": 300 }));
    let write = mcp.tool("write").await;
    let begun = Instant::now();
    for _ in 0..3 {
        let much = json!({ "text": "x".repeat(1_000_000) });
        let failure = mcp.world.call(&write, much).await.unwrap_err();
        assert_eq!(failure.kind, "timeout", "{failure}");
    }
    assert!(begun.elapsed() < Duration::from_secs(10));
    mcp.servers.close().await;
}

#[tokio::test]
async fn pages_without_an_end_are_given_up() {
    let mcp = Mcp::new("", &json!({ "env": { "ENDLESS": "1" } }));
    let failure = mcp.servers.specs().await.unwrap_err();
    assert_eq!(failure.kind, MCP_REFUSED);
    assert!(failure.message.contains("pages without an end"), "{failure}");
}

#[tokio::test]
async fn one_server_is_started_for_many_calls_at_once() {
    let mcp = Mcp::new("", &json!({}));
    let pid_of = mcp.tool("pid").await;
    kill_process(mcp.pid().await, Signal::KILL).unwrap();
    let mut calls = Vec::new();
    for _ in 0..20 {
        calls.push(mcp.world.begin(&pid_of, json!({})).await);
    }
    let mut pids = Vec::new();
    for call in &calls {
        pids.push(mcp.world.end(call).await.expect("it works").to_string());
    }
    pids.dedup();
    assert_eq!(pids.len(), 1, "{pids:?}");
}

#[tokio::test]
async fn what_the_configuration_lacks_is_named() {
    let mcp = Mcp::new("", &json!({ "env": { "KEY": "a${UNSET}" } }));
    let failure = mcp.servers.specs().await.unwrap_err();
    assert_eq!(failure.kind, MCP_CONFIG);
    assert!(!failure.retryable);
    assert!(
        failure
            .message
            .contains("its env KEY: neither the environment nor the secret store has `UNSET`"),
        "{failure}"
    );
    let mcp = Mcp::new("", &json!({ "command": "no-such-program-${SECRET}" }));
    let failure = mcp.servers.specs().await.unwrap_err();
    assert!(failure.message.contains("cannot be started"), "{failure}");
    let (tools, failed) = mcp.servers.list().await;
    assert!(tools.is_empty() && failed.contains_key("test"));
}
