//! Rules in brackets: what follows one is done unasked, and nothing else is done.

use crate::house::House;
use greenroom_agent::Agent;
use greenroom_agent::tool::workspace::Workspace;
use greenroom_agent::workspace::Site;
use serde_json::{Value, json};
use std::path::Path;

fn works_in(folder: &Path, tools: &[&str]) -> impl FnOnce(Agent) -> Agent {
    let workspace = Workspace::open(folder).unwrap();
    let site = Site::new(workspace.path());
    let tools = tools.iter().map(|&name| name.to_owned()).collect();
    move |agent| {
        let agent = agent.works_in(&workspace, &site);
        agent.with(|definition| definition.tools = Some(tools))
    }
}

fn bash(command: &str) -> Value {
    json!({"name": "Bash", "arguments": {"command": command}})
}

fn write(path: &str) -> Value {
    json!({"name": "Write", "arguments": {"file_path": path, "content": "x"}})
}

#[tokio::test(flavor = "multi_thread")]
async fn what_follows_a_rule_is_done_unasked_and_all_else_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let calls = [
        bash("echo one"),
        bash("echo two && touch smuggled"),
        bash("touch plain"),
        write("docs/a.md"),
        write("docs/../b.md"),
    ];
    let turns = json!([
        {"when": {"text": "go", "replies": 0}, "tool_calls": calls},
        {"when": {"tool_result": ""}, "say": "done"}
    ]);
    let tools = ["Bash(echo:*)", "Write(docs/**)", "WebFetch", "Task(helper)"];
    let house = House::new(turns, works_in(folder.path(), &tools));
    assert_eq!(house.run(json!("go")).await, json!("done"));
    let requests = house.requests();
    let told = requests[1]["messages"].to_string();
    assert!(told.contains("one") && told.contains("you may only do `Bash(echo:*)`"), "{told}");
    assert_eq!(told.matches("The call was not made").count(), 3, "{told}");
    let there = |name: &str| folder.path().join(name).exists();
    assert!(there("docs/a.md") && !there("b.md") && !there("smuggled") && !there("plain"));
    assert!(requests[0]["tools"].to_string().contains("You may only do `Write(docs/**)`"));
    let warnings = house.state("warnings").await.to_string();
    assert!(warnings.contains("no tool `WebFetch`") && warnings.contains("no tool `Task(helper)`"));
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_the_whole_tool_a_rule_only_saves_the_question() {
    let folder = tempfile::tempdir().unwrap();
    let turns = json!([
        {"when": {"text": "go", "replies": 0}, "tool_calls": [bash("echo one")]},
        {"when": {"tool_result": "one"}, "tool_calls": [bash("echo two; touch asked")]},
        {"when": {"tool_result": ""}, "say": "done"}
    ]);
    let house = House::new(turns, works_in(folder.path(), &["Bash", "Bash(echo:*)"]));
    house.start(json!("go")).await;
    let question = house.answer(json!("yes")).await;
    assert!(question.contains("touch asked"), "{question}");
    assert_eq!(house.result().await, json!("done"));
    assert!(folder.path().join("asked").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_for_a_tool_that_takes_none_ends_the_run_with_why() {
    let look = greenroom_agent::tool::Tool::function(
        "look",
        "Looks.",
        |_: greenroom_runtime::Step, (): ()| async { Ok::<_, greenroom_model::Failure>("") },
    );
    let house = House::new(json!([{"say": "done"}]), |agent| {
        agent.tool(look).with(|one| one.tools = Some(vec!["look(here)".to_owned()]))
    });
    house.start(json!("go")).await;
    let failure = house.failure().await;
    assert!(failure.message.contains("`look(here)`: no rule in brackets"), "{failure}");
}
