//! The tools of a workspace, as steps.

use crate::world::{World, until};
use greenroom_agent::tool::workspace::{COMMAND_FAILED, FILE_FAILED, Workspace};
use greenroom_agent::tool::{Tool, Toolbox};
use greenroom_runtime::model::Failure;
use rustix::process::{Pid, test_kill_process};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

struct Desk {
    world: World,
    tools: Toolbox,
    dir: tempfile::TempDir,
}

impl Desk {
    fn new() -> Desk {
        let dir = tempfile::tempdir().expect("a folder");
        let inside = dir.path().join("in");
        std::fs::create_dir_all(inside.join("src/.git")).expect("made");
        std::fs::write(inside.join("src/.git/a.rs"), "fn hidden() {}").expect("written");
        std::fs::write(inside.join("src/a.rs"), "fn one() {}\nfn Two() {}\n").expect("written");
        std::fs::write(inside.join("logo.png"), b"\x89PNG\0").expect("written");
        std::fs::write(dir.path().join("secret"), "s").expect("written");
        let tools = Workspace::open(&inside).expect("opened").env(["CARGO_PKG_NAME"]).tools();
        Desk { world: World::new(), tools: Toolbox::new(tools).expect("they can be"), dir }
    }

    fn tool(&self, name: &str) -> &Tool {
        self.tools.get(name).expect("it is there")
    }

    async fn call(&self, name: &str, arguments: Value) -> Result<String, Failure> {
        let value = self.world.call(self.tool(name), arguments).await?;
        Ok(value.as_str().expect("a text").to_owned())
    }

    async fn done(&self, name: &str, arguments: Value) -> String {
        self.call(name, arguments).await.expect("it works")
    }

    async fn told(&self, name: &str, arguments: Value) -> String {
        let failure = self.call(name, arguments).await.expect_err("it does not work");
        assert!(failure.is(FILE_FAILED) || failure.is(COMMAND_FAILED), "{failure}");
        failure.message
    }
}

#[tokio::test]
async fn files_are_read_written_and_edited() {
    let desk = Desk::new();
    desk.done("Write", json!({ "file_path": "doc/a.md", "content": "one\ntwo\nthree\n" })).await;
    let read = desk.done("Read", json!({ "file_path": "doc/a.md", "offset": 2, "limit": 1 })).await;
    assert_eq!(read, "2\ttwo\n(lines 2 to 2 of 3)\n");
    let edit = json!({ "file_path": "doc/a.md", "old_string": "t", "new_string": "T" });
    assert!(desk.told("Edit", edit.clone()).await.contains("is there 2 times"));
    let all = json!({ "file_path": "doc/a.md", "old_string": "t", "new_string": "T", "replace_all": true });
    desk.done("Edit", all).await;
    assert!(desk.told("Edit", edit).await.contains("does not hold `old_string`"));
    let absolute = desk.dir.path().canonicalize().unwrap().join("in/doc/a.md");
    assert_eq!(
        desk.done("Read", json!({ "file_path": absolute })).await,
        "1\tone\n2\tTwo\n3\tThree\n"
    );
    assert_eq!(desk.done("LS", json!({})).await, "doc/\nlogo.png\nsrc/\n");
    assert!(desk.told("Read", json!({ "file_path": "logo.png" })).await.contains("is no text"));
    assert!(desk.told("Read", json!({ "file_path": "../secret" })).await.contains("outside"));
    let out = json!({ "file_path": "../secret", "content": "" });
    assert!(desk.told("Write", out).await.contains("outside"));
    assert_eq!(std::fs::read(desk.dir.path().join("secret")).unwrap(), b"s");
}

#[tokio::test]
async fn files_are_found_and_searched() {
    let desk = Desk::new();
    assert_eq!(desk.done("Glob", json!({ "pattern": "**/*.rs" })).await, "src/a.rs\n");
    assert_eq!(desk.done("Glob", json!({ "pattern": "*.rs", "path": "src" })).await, "src/a.rs\n");
    assert_eq!(desk.done("Glob", json!({ "pattern": "*.c" })).await, "no file is like `*.c`\n");
    assert_eq!(
        desk.done("Grep", json!({ "pattern": r"fn \w+e\(" })).await,
        "src/a.rs:1:fn one() {}\n"
    );
    let two = json!({ "pattern": "two()", "literal": true, "-i": true, "output_mode": "files_with_matches" });
    assert_eq!(desk.done("Grep", two).await, "src/a.rs\n");
    let count = json!({ "pattern": "fn", "output_mode": "count", "path": "src/a.rs" });
    assert_eq!(desk.done("Grep", count).await, "src/a.rs:2\n");
    let one = desk.done("Grep", json!({ "pattern": "fn", "head_limit": 1 })).await;
    assert!(one.starts_with("src/a.rs:1:") && one.contains("there is more"), "{one}");
    assert_eq!(
        desk.done("Grep", json!({ "pattern": "x", "glob": "*.rs" })).await,
        "nothing is found\n"
    );
    assert!(desk.told("Grep", json!({ "pattern": "(" })).await.contains("no regular expression"));
    assert!(desk.told("Grep", json!({ "pattern": "x", "path": ".." })).await.contains("outside"));
}

#[tokio::test]
async fn commands_are_bounded_in_time_output_and_surroundings() {
    let desk = Desk::new();
    let bash = async |command: &str| desk.done("Bash", json!({ "command": command })).await;
    assert_eq!(
        bash("pwd -P; cat").await,
        desk.dir.path().canonicalize().unwrap().join("in").to_str().unwrap()
    );
    assert_eq!(bash("echo a; echo b >&2; exit 3").await, "a\nb\n(exit status: 3)");
    assert_eq!(bash("echo $CARGO_PKG_NAME,$CARGO_MANIFEST_DIR").await, "greenroom-agent,");
    let much = bash("head -c 5000000 /dev/zero | tr '\\0' x; echo end").await;
    assert!(much.len() < 40_000 && much.ends_with("end") && much.contains("bytes left out"));

    // What it leaves running is ended.
    let begun = Instant::now();
    let pid: i32 = bash("sleep 1000 & echo $!").await.parse().expect("a number");
    let pid = Pid::from_raw(pid).expect("not zero");
    until("it is ended", || is_gone(pid)).await;
    let slow = json!({ "command": "echo $$; sleep 1000", "timeout": 300 });
    let failure = desk.told("Bash", slow).await;
    assert!(failure.contains("ended after 300ms, its time limit"), "{failure}");
    let pid: i32 = failure.lines().last().unwrap().parse().expect("a number");
    until("it is ended", || is_gone(Pid::from_raw(pid).expect("not zero"))).await;
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert!(desk.tool("Bash").policy.at_most_once);
}

fn is_gone(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    test_kill_process(pid).is_err() || stat.is_ok_and(|stat| stat.contains(") Z "))
}
