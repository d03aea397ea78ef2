//! Calls of tools: long results, wrong calls, changed arguments.

use crate::house::House;
use greenroom_agent::tool::{Approval, Tool};
use greenroom_model::Failure;
use greenroom_runtime::Step;
use serde::Deserialize;
use serde_json::json;

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
}
