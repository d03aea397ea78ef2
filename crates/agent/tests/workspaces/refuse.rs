//! What a lead is refused, and what it is told to do instead.

use crate::desk::{Desk, LEAD, MERGES, WRITER};

const AGENTS: [(&str, &str); 2] = [("lead.md", LEAD), ("writer.md", WRITER)];

fn started(arguments: &str) -> String {
    format!(
        r#"{{"when": {{"system": "Lead", "replies": 0}}, "tool_calls": [
            {{"name": "start_agent", "arguments": {{"agent": "writer", "task": "x"{arguments}}}}}]}},
        {MERGES},
        {{"when": {{"system": "Write", "replies": 0}}, "tool_calls": [
            {{"name": "Write", "arguments": {{"file_path": ".git", "content": "gitdir: evil"}}}}]}},
        {{"when": {{"system": "Write"}}, "say": "nothing done"}}"#
    )
}

#[tokio::test]
async fn a_folder_without_git_is_told_and_never_shared() {
    let desk = Desk::new(&AGENTS, &started(""));
    assert_eq!(desk.lead().await, "well");
    let told = desk.told("Lead");
    assert!(told.iter().any(|words| words.contains("`git init`")), "{told:?}");
    assert!(desk.told("Write").is_empty(), "it was not started");
}

#[tokio::test]
async fn git_s_own_file_is_not_written_and_nothing_done_is_nothing_merged() {
    let desk = Desk::committed(&AGENTS, &started(""));
    assert_eq!(desk.lead().await, "well");
    assert!(desk.told("Write").iter().any(|words| words.contains("git's own")));
    let told = desk.told("Lead");
    assert!(told.iter().any(|words| words.contains("has changed nothing")), "{told:?}");
    assert!(desk.worktrees().is_empty());
}

#[tokio::test]
async fn who_has_no_workspace_cannot_be_gone_on_from_or_merged() {
    let desk = Desk::committed(&AGENTS, &started(r#", "continue_from": "writer/none""#));
    assert_eq!(desk.lead().await, "well");
    let told = desk.told("Lead");
    assert!(told.iter().any(|words| words.contains("writer/none is no agent")), "{told:?}");
}

#[tokio::test]
async fn more_at_once_than_may_be_are_refused_and_others_started_later() {
    let lead = LEAD.replace("approve:", "limits: {children: 2}\napprove:");
    let agents = [("lead.md", lead.as_str()), ("writer.md", WRITER)];
    let start = |task: &str| {
        format!(
            r#"{{"name": "start_agent", "arguments": {{"agent": "writer", "task": "{task}"}}}}"#
        )
    };
    let turns = format!(
        r#"{{"when": {{"system": "Lead", "replies": 0}}, "tool_calls": [{}, {}, {}]}},
        {{"when": {{"system": "Lead", "text": "has finished"}}, "times": 1, "tool_calls": [{}]}},
        {{"when": {{"system": "Lead"}}, "say": "well"}},
        {{"when": {{"system": "Write"}}, "delay_ms": 200, "say": "nothing done"}}"#,
        start("a"),
        start("b"),
        start("c"),
        start("d")
    );
    let desk = Desk::committed(&agents, &turns);
    assert_eq!(desk.lead().await, "well");
    let told = desk.told("Lead");
    let refused = told.iter().filter(|words| words.contains("2 is the most")).count();
    assert_eq!(refused, 1, "{told:?}");
    assert_eq!(desk.worktrees().len(), 3);
}

/// While it works, and while another one works in its workspace, it is not removed.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "a test waits for an agent")]
async fn a_workspace_is_not_removed_while_somebody_works_in_it() {
    let middle = "---\nname: middle\nisolation: worktree\nlimits: {turns: 2}\n---\nDivide.";
    let below = "---\nname: below\n---\nDo.";
    let agents = [("lead.md", LEAD), ("middle.md", middle), ("below.md", below)];
    let discard = r#""tool_calls": [{"name": "discard_agent", "arguments": {"id": "$1"}},
                                    {"name": "merge_agent", "arguments": {"id": "$1"}}]"#;
    let turns = format!(
        r#"{{"when": {{"system": "Lead", "replies": 0}}, "tool_calls": [
            {{"name": "start_agent", "arguments": {{"agent": "middle", "task": "all"}}}}]}},
        {{"when": {{"system": "Lead", "replies": 1}}, "for_each": "\"id\":\"([^\"]+)\"", {discard}}},
        {{"when": {{"system": "Lead", "text": "has not finished"}},
          "for_each": "the agent (\\S+) has not", {discard}}},
        {{"when": {{"system": "Lead"}}, "say": "well"}},
        {{"when": {{"system": "Divide", "replies": 0}}, "delay_ms": 300, "tool_calls": [
            {{"name": "start_agent", "arguments": {{"agent": "below", "task": "a part"}}}}]}},
        {{"when": {{"system": "Divide"}}, "tool_calls": [{{"name": "LS", "arguments": {{}}}}]}},
        {{"when": {{"system": "Do", "replies": 0}}, "delay_ms": 2500, "tool_calls": [
            {{"name": "Write", "arguments": {{"file_path": "late.txt", "content": "late\n"}}}}]}},
        {{"when": {{"system": "Do"}}, "say": "done"}}"#
    );
    let desk = Desk::committed(&agents, &turns);
    assert_eq!(desk.lead().await, "well");
    let told = desk.told("Lead");
    let still = |who: &str| {
        let of = |words: &&String| words.contains("still at work") && words.contains(who);
        told.iter().filter(of).count()
    };
    assert_eq!((still("middle/"), still("below/")), (2, 2), "{told:?}");
    let [worktree] = desk.worktrees().try_into().expect("one");
    let late = worktree.join("late.txt");
    for _ in 0..400 {
        if late.exists() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("what it wrote later is not there");
}
