//! What comes into the project, and how.

use crate::desk::{Desk, LEAD, MERGES, WRITER, git};

const AGENTS: [(&str, &str); 2] = [("lead.md", LEAD), ("writer.md", WRITER)];

/// A lead that has two agents write a file each, with these words.
fn two(first: &str, second: &str) -> String {
    format!(
        r#"{{"when": {{"system": "Lead", "replies": 0}}, "tool_calls": [
            {{"name": "start_agent", "arguments": {{"agent": "writer", "task": "first"}}}},
            {{"name": "start_agent", "arguments": {{"agent": "writer", "task": "second"}}}}]}},
        {MERGES},
        {{"when": {{"system": "Write", "text": "first"}}, "tool_calls": [
            {{"name": "Write", "arguments": {{"file_path": "{first}", "content": "by the first\n"}}}}]}},
        {{"when": {{"system": "Write", "text": "second"}}, "delay_ms": 400, "tool_calls": [
            {{"name": "Write", "arguments": {{"file_path": "{second}", "content": "by the second\n"}}}}]}},
        {{"when": {{"system": "Write", "asked": "second"}}, "delay_ms": 600, "say": "written"}},
        {{"when": {{"system": "Write"}}, "say": "written"}}"#
    )
}

#[tokio::test]
async fn two_that_change_different_files_are_both_merged() {
    let desk = Desk::committed(&AGENTS, &two("a.txt", "pages/b.txt"));
    assert_eq!(desk.lead().await, "well");
    assert_eq!(desk.read("a.txt"), "by the first\n");
    assert_eq!(desk.read("pages/b.txt"), "by the second\n");
    assert_eq!(desk.git(&["status", "--porcelain"]), "");
    assert!(desk.worktrees().is_empty(), "{:?}", desk.worktrees());
    assert_eq!(desk.git(&["branch", "--list", "greenroom/*"]), "");
    let authors = desk.git(&["log", "--format=%an", "--", "a.txt"]);
    assert!(authors.starts_with("writer/one-"), "{authors}");
    let told = desk.told("Lead");
    let ended = told.iter().find(|words| words.contains("has finished")).expect("told");
    assert!(ended.contains("1 file changed, 1 insertion, 0 deletions"), "{ended}");
    assert!(desk.told("Write").iter().all(|words| !words.contains("refused")));
}

#[tokio::test]
async fn the_second_of_two_that_change_the_same_file_is_told_where_and_nothing_is_changed() {
    let desk = Desk::committed(&AGENTS, &two("shared.txt", "shared.txt"));
    assert_eq!(desk.lead().await, "well");
    assert_eq!(desk.read("shared.txt"), "by the first\n");
    assert_eq!(desk.git(&["status", "--porcelain"]), "");
    let told = desk.told("Lead");
    let conflict = told.iter().find(|words| words.contains("In conflict")).expect("told");
    assert!(conflict.contains("nothing was merged") && conflict.contains("shared.txt"));
    // The work of the second is still there.
    let [worktree] = desk.worktrees().try_into().expect("one");
    assert_eq!(std::fs::read(worktree.join("shared.txt")).unwrap(), b"by the second\n");
    assert_eq!(git(&worktree, &["status", "--porcelain"]), "");
}

#[tokio::test]
async fn in_a_repository_without_a_commit_both_are_merged() {
    let desk = Desk::new(&AGENTS, &two("a.txt", "b.txt"));
    desk.git(&["init", "--quiet"]);
    assert_eq!(desk.lead().await, "well");
    assert_eq!(desk.read("a.txt") + &desk.read("b.txt"), "by the first\nby the second\n");
    assert!(desk.told("Lead").iter().any(|words| words.contains("not committed in the project")));
    // The project's own files are as uncommitted as they were.
    assert_eq!(desk.git(&["status", "--porcelain"]), "?? agents/\n?? greenroom.toml");
}

#[tokio::test]
async fn what_is_not_committed_in_the_project_is_not_overwritten() {
    let desk = Desk::committed(&AGENTS, &two("shared.txt", "new.txt"));
    desk.write("shared.txt", "mine\n");
    desk.write("new.txt", "mine too\n");
    assert_eq!(desk.lead().await, "well");
    assert_eq!(desk.read("shared.txt") + &desk.read("new.txt"), "mine\nmine too\n");
    let told: Vec<String> = desk.told("Lead");
    let refused = |file: &str| {
        told.iter().any(|words| words.contains("would be overwritten") && words.contains(file))
    };
    assert!(refused("shared.txt") && refused("new.txt"), "{told:?}");
    assert_eq!(desk.worktrees().len(), 2);
}

/// A first agent fails in the middle; another goes on with what it has left, and
/// nobody removes a workspace before.
#[tokio::test]
async fn another_goes_on_with_the_work_of_one_that_failed() {
    let failing = WRITER.replace("tools:", "limits: {turns: 1}\ntools:");
    let failing = failing.replace("name: writer", "name: hasty").replace("Write.", "Hurry.");
    let agents = [("lead.md", LEAD), ("writer.md", WRITER), ("hasty.md", failing.as_str())];
    let turns = format!(
        r#"{{"when": {{"system": "Lead", "replies": 0}}, "tool_calls": [
            {{"name": "start_agent", "arguments": {{"agent": "hasty", "task": "half"}}}}]}},
        {{"when": {{"system": "Lead", "text": "has not finished"}},
         "for_each": "the agent (\\S+) has not finished", "tool_calls": [
            {{"name": "diff_agent", "arguments": {{"id": "$1"}}}},
            {{"name": "start_agent", "arguments":
                {{"agent": "writer", "task": "go on", "continue_from": "$1"}}}}]}},
        {MERGES},
        {{"when": {{"system": "Hurry"}}, "tool_calls": [
            {{"name": "Write", "arguments": {{"file_path": "half.txt", "content": "half\n"}}}}]}},
        {{"when": {{"system": "Write", "text": "go on"}}, "tool_calls": [
            {{"name": "Read", "arguments": {{"file_path": "half.txt"}}}},
            {{"name": "Write", "arguments": {{"file_path": "rest.txt", "content": "rest\n"}}}}]}},
        {{"when": {{"system": "Write"}}, "say": "whole"}}"#
    );
    let desk = Desk::committed(&agents, &turns);
    assert_eq!(desk.lead().await, "well");
    assert_eq!(desk.read("half.txt") + &desk.read("rest.txt"), "half\nrest\n");
    let told = desk.told("Lead");
    assert!(told.iter().any(|words| words.contains("continue_from")), "{told:?}");
    assert!(told.iter().any(|words| words.contains("+half")), "{told:?}");
    assert!(desk.told("Write").iter().any(|words| words.contains("1\thalf")));
    // The failed one's is left to be discarded.
    assert_eq!(desk.worktrees().len(), 1);
}

/// What the one that was started has started itself works in the same workspace.
#[tokio::test]
async fn an_agent_below_works_in_the_workspace_of_the_one_above() {
    let middle = "---\nname: middle\nisolation: worktree\n---\nDivide.";
    let below = "---\nname: below\n---\nDo.";
    let agents = [("lead.md", LEAD), ("middle.md", middle), ("below.md", below)];
    let turns = format!(
        r#"{{"when": {{"system": "Lead", "replies": 0}}, "tool_calls": [
            {{"name": "start_agent", "arguments": {{"agent": "middle", "task": "all"}}}}]}},
        {MERGES},
        {{"when": {{"system": "Divide", "replies": 0}}, "tool_calls": [
            {{"name": "agent", "arguments": {{"agent": "below", "task": "a part"}}}}]}},
        {{"when": {{"system": "Divide"}}, "say": "divided"}},
        {{"when": {{"system": "Do", "text": "a part"}}, "tool_calls": [
            {{"name": "Write", "arguments": {{"file_path": "part.txt", "content": "part\n"}}}}]}},
        {{"when": {{"system": "Do"}}, "say": "done"}}"#
    );
    let desk = Desk::committed(&agents, &turns);
    assert_eq!(desk.lead().await, "well");
    assert_eq!(desk.read("part.txt"), "part\n");
    assert!(desk.worktrees().is_empty());
}
