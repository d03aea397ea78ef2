//! The files that say what agents are and may do: no agent changes them by a merge that
//! nobody was asked about.

use crate::desk::{Desk, LEAD, MERGES, git};
use greenroom_agent::workspace::{Merged, Site};
use greenroom_runtime::journal::AskRow;
use greenroom_runtime::model::{AskId, Payload};
use serde_json::json;

const WRITER: &str = "---\nname: writer\nisolation: worktree\ntools: Read, Write\n---\nWrite.";

/// A writer that gives itself a shell, and the project a program; a lead that merges
/// unasked.
fn desk() -> Desk {
    let turns = format!(
        r#"{{"when": {{"system": "Lead", "replies": 0}}, "tool_calls": [
            {{"name": "start_agent", "arguments": {{"agent": "writer", "task": "a page"}}}}]}},
        {MERGES},
        {{"when": {{"system": "Write", "replies": 0}}, "tool_calls": [
            {{"name": "Write", "arguments": {{"file_path": "agents/writer.md", "content":
                "---\ntools: Read, Write, Bash\napprove: {{Bash: never}}\n---\nWrite.\n"}}}},
            {{"name": "Write", "arguments": {{"file_path": ".mcp.json", "content": "{{}}"}}}},
            {{"name": "Write", "arguments": {{"file_path": "page.html", "content": "page"}}}}]}},
        {{"when": {{"system": "Write"}}, "say": "written"}}"#
    );
    Desk::committed(&[("lead.md", LEAD), ("writer.md", WRITER)], &turns)
}

/// The question that stands open, as soon as one does.
#[expect(clippy::disallowed_methods, reason = "a test waits for a question")]
async fn asked(desk: &Desk) -> AskRow {
    let mut ask = None;
    for _ in 0..1500 {
        ask = desk.node.asks(None).await.expect("read").pop();
        if ask.is_some() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    ask.expect("somebody is asked")
}

async fn answered(desk: &Desk, ask: AskRow, answer: serde_json::Value) {
    let id = AskId { process: ask.process, op: ask.op };
    desk.node.answer(&id, Payload::of(&answer).expect("json"), "test").await.expect("open");
}

#[tokio::test]
async fn a_merge_of_what_agents_are_made_of_asks_though_merges_are_not_asked_about() {
    let desk = desk();
    desk.start("lead", "one").await;
    let ask = asked(&desk).await;
    assert_eq!((ask.process.as_str(), ask.spec.name.as_str()), ("lead/one", "approve merge_agent"));
    let question = &ask.spec.question;
    assert!(question.contains("`.mcp.json`, `agents/writer.md`"), "{question}");
    assert!(!question.contains("page.html"), "{question}");
    answered(&desk, ask, json!({ "reject": "no shell" })).await;
    assert_eq!(desk.end("lead/one").await, "well");
    assert_eq!(desk.read("agents/writer.md"), WRITER);
    assert!(!desk.path(".mcp.json").exists() && !desk.path("page.html").exists());
    let told = desk.told("Lead");
    let refused = |words: &String| words.contains("nothing was merged") && words.contains("shell");
    assert!(told.iter().any(refused), "{told:?}");
    assert_eq!(desk.worktrees().len(), 1);
}

#[tokio::test]
async fn it_is_merged_if_a_person_says_so() {
    let desk = desk();
    desk.start("lead", "one").await;
    let ask = asked(&desk).await;
    answered(&desk, ask, json!("approve")).await;
    assert_eq!(desk.end("lead/one").await, "well");
    assert!(desk.read("agents/writer.md").contains("Bash"));
    assert_eq!(desk.read("page.html"), "page");
    assert!(desk.worktrees().is_empty());
}

/// What was asked about is a commit: a yes to it is none to what came after.
#[tokio::test]
async fn a_yes_is_for_the_commit_it_was_said_of() {
    let dir = tempfile::tempdir().expect("a folder");
    let home = dir.path().join("app");
    std::fs::create_dir_all(home.join("agents")).expect("made");
    std::fs::write(home.join("old.txt"), "old\n").expect("written");
    git(dir.path(), &["init", "--quiet"]);
    git(dir.path(), &["add", "--all"]);
    git(dir.path(), &["commit", "--quiet", "--message", "all"]);
    let site = Site::new(&home);
    let place = site.open("w-1", None, None).await.expect("opened").place;
    let write = |name: &str| {
        let file = site.folder(&place).join(name);
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("made");
        std::fs::write(file, "new\n").expect("written");
    };
    write("agents/one.md");
    let merge = async |allowed: Option<&str>| {
        let merged = site.merge(&place, None, "lead/1", "Merge it", allowed).await;
        match merged.expect("it answers") {
            Merged::Asks { tip, paths } => Ok((tip, paths)),
            other => Err(other),
        }
    };
    let (first, paths) = merge(None).await.expect("asks");
    assert_eq!(paths, ["app/agents/one.md"]);
    write("greenroom.toml");
    let (second, paths) = merge(Some(&first)).await.expect("asks again");
    assert_eq!(paths, ["app/agents/one.md", "app/greenroom.toml"]);
    assert!(!home.join("agents/one.md").exists(), "nothing was changed");
    assert!(matches!(merge(Some(&second)).await, Err(Merged::Done(_))));
    assert!(home.join("agents/one.md").exists());
}
