//! Calls of tools: long results, wrong calls, changed arguments.

use crate::house::House;
use greenroom_agent::provider::{Catalog, ModelsConfig};
use greenroom_agent::scripted::{Script, ScriptedServer};
use greenroom_agent::tool::{Approval, Tool};
use greenroom_model::Failure;
use greenroom_runtime::Step;
use greenroom_runtime::journal::Scope;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

#[derive(Deserialize, schemars::JsonSchema)]
struct Amount {
    /// In euros.
    amount: u64,
}

fn pay() -> Tool {
    Tool::function("pay", "Pays.", |_: Step, pay: Amount| async move {
        Ok::<_, Failure>(format!("{} euros are paid", pay.amount))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_result_is_shown_by_its_ends_and_read_by_its_handle() {
    let read = Tool::function("log", "Reads the log.", |_: Step, (): ()| async {
        let line = "nothing happened here\n".repeat(10_000);
        Ok::<_, Failure>(format!("{line}THE NEEDLE\n{line}"))
    });
    let turns = json!([
        {"when": {"text": "needle"}, "tool_calls": [{"name": "log", "arguments": {}}]},
        {"when": {"tool_result": "left out"}, "tool_calls": [
            {"name": "read_result", "arguments": {"handle": "result-1", "search": "THE NEEDLE"}}]},
        {"when": {"tool_result": "THE NEEDLE"}, "say": "found"}
    ]);
    let house = House::new(turns, |agent| agent.tool(read));
    assert_eq!(house.run(json!("find the needle")).await, json!("found"));
    let requests = house.requests();
    let told = requests[1]["messages"].to_string();
    assert!(told.len() < 60_000 && !told.contains("NEEDLE\\n"), "{} bytes", told.len());
    // There is nothing to read on before there is a long result.
    assert!(!requests[0]["tools"].to_string().contains("read_result"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_call_is_told_and_nothing_is_run() {
    let turns = json!([
        {"when": {"text": "pay"}, "tool_calls": [{"name": "pay", "arguments": {"amount": "much"}}]},
        {"when": {"tool_result": "integer"}, "tool_calls": [{"name": "steal", "arguments": {}}]},
        {"when": {"tool_result": "There are: pay"}, "malformed": false,
            "tool_calls": [{"name": "pay", "arguments": "{\"amount\": 1"}]},
        {"when": {"tool_result": "object"}, "say": "I cannot."}
    ]);
    let house = House::new(turns, |agent| agent.tool(pay()));
    assert_eq!(house.run(json!("pay much")).await, json!("I cannot."));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_run_is_what_was_approved() {
    let turns = json!([
        {"when": {"text": "pay"}, "tool_calls": [{"name": "pay", "arguments": {"amount": 900}}]},
        {"when": {"tool_result": "are paid"}, "say": "done"}
    ]);
    let house = House::new(turns, |agent| agent.tool(pay().approval(Approval::Always)));
    house.start(json!("pay 900")).await;
    let question = house.answer(json!({"edit": {"amount": "all"}})).await;
    assert!(question.contains("900"), "{question}");
    let again = house.answer(json!("perhaps")).await;
    assert!(again.contains("cannot be") && again.contains("900"), "{again}");
    let again = house.answer(json!({"edit": {"amount": 9}})).await;
    assert!(again.contains("no answer"), "{again}");
    assert_eq!(house.result().await, json!("done"));
    let told = house.requests()[1]["messages"].to_string();
    assert!(told.contains("9 euros are paid") && !told.contains("900 euros are paid"), "{told}");
    let changed = r#"not what you wrote was run, but {\"amount\":9}"#;
    assert!(told.contains(changed), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_was_cut_is_not_made_even_if_it_looks_whole() {
    let calls = |finish: &str| {
        json!({"when": {"text": "note"}, "finish": finish, "times": 1, "tool_calls": [
            {"name": "note", "arguments": {"text": "whole"}}, {"name": "note", "arguments": {}}]})
    };
    #[derive(Deserialize, schemars::JsonSchema)]
    struct Note {
        text: Option<String>,
    }
    let note = || {
        Tool::function("note", "Notes.", |_: Step, note: Note| async move {
            Ok::<_, Failure>(format!("noted {:?}", note.text))
        })
    };
    let ends = json!({"when": {"tool_result": "noted"}, "say": "done"});
    let cut = json!({"when": {"tool_result": "was cut at 4096 tokens"}, "say": "I was cut"});
    let house = House::new(json!([calls("length"), cut, ends]), |agent| agent.tool(note()));
    assert_eq!(house.run(json!("note")).await, json!("I was cut"));
    let told = house.requests()[1]["messages"].to_string();
    assert!(told.contains("noted Some") && !told.contains("noted None"), "{told}");
    let house = House::new(json!([calls("tool_calls"), ends]), |agent| agent.tool(note()));
    house.run(json!("note")).await;
    assert!(house.requests()[1]["messages"].to_string().contains("noted None"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_nodes_keys_do_not_come_out_of_a_tool() {
    // A variable that is there in place of a key.
    const KEY: &str = "CARGO_MANIFEST_DIR";
    let turns = json!([
        {"when": {"text": "look"}, "tool_calls": [{"name": "env", "arguments": {}}, {"name": "fail", "arguments": {}}]},
        {"when": {"tool_result": "[redacted]"}, "say": "hidden"}
    ]);
    let script = Script::parse(&json!({ "turns": turns }).to_string()).unwrap();
    let server = ScriptedServer::start(script).unwrap();
    let config = format!(
        "[models]\ndefault = \"acme/x\"\n[providers.acme]\nprotocol = \"chat\"\nurl = \"{}\"\nkey_env = \"{KEY}\"",
        server.chat_url()
    );
    let models = Arc::new(Catalog::new(ModelsConfig::from_toml(&config).unwrap()).unwrap());
    let key = || std::env::var(KEY).unwrap();
    let env = Tool::function("env", "Shows all.", move |_: Step, (): ()| async move {
        Ok::<_, Failure>(json!({ "KEY": [key()] }))
    });
    let fail = Tool::function("fail", "Fails.", move |_: Step, (): ()| async move {
        Err::<(), _>(Failure::fatal("broken", format!("refused: {}", key())))
    });
    let house = House::of(server, models, |agent| agent.tool(env).tool(fail));
    assert_eq!(house.run(json!("look")).await, json!("hidden"));
    let told = house.requests()[1]["messages"].to_string();
    assert!(told.contains("refused: [redacted]") && !told.contains(&key()), "{told}");
    let history = house.node.history(&house.id, Scope::Whole).await.unwrap();
    assert!(!format!("{history:?}").contains(&key()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_definition_says_on_which_terms_a_tool_is_called() {
    let flaky = Tool::function("flaky", "Fails.", |step: Step, (): ()| async move {
        Err::<(), _>(Failure::new("broken", format!("attempt {}", step.attempt())))
    });
    let slow = Tool::function("slow", "Never ends.", |_: Step, (): ()| async {
        std::future::pending::<()>().await;
        Ok::<_, Failure>(())
    });
    let turns = json!([
        {"when": {"text": "try"}, "tool_calls": [
            {"name": "flaky", "arguments": {}}, {"name": "slow", "arguments": {}}]},
        {"when": {"tool_result": "not known"}, "say": "done"}
    ]);
    let house = House::new(turns, |agent| {
        agent.tool(flaky).tool(slow).with(|definition| {
            let policy = json!({"fl*": {"atMostOnce": true, "concurrency": 1},
                "slow": {"timeout": "100ms", "attempts": 1}});
            definition.tool_policy = serde_json::from_value(policy).unwrap();
        })
    });
    assert_eq!(house.run(json!("try")).await, json!("done"));
    let told = house.requests()[1]["messages"].to_string();
    assert!(
        told.contains("attempt 1") && told.contains("not known whether it took effect"),
        "{told}"
    );
    let history = format!("{:?}", house.node.history(&house.id, Scope::Whole).await.unwrap());
    assert!(history.contains("tool.one.fl."), "{history}");
}
