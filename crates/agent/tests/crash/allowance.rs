//! What a lead's children may use up: one that has used it up fails, and the lead
//! hears of it.

use crate::model::{call, models, text};
use greenroom_agent::conversation::{Message, Part};
use greenroom_agent::definition::Allowance;
use greenroom_agent::provider::Request;
use greenroom_agent::{Agent, Definition};
use greenroom_runtime::Registry;
use greenroom_sim::{Outside, PLAIN, Scenario, Script, User, effect, ends, exhaust};
use serde_json::json;

fn script(request: &Request) -> Vec<Part> {
    let parts = request.messages.iter().flat_map(|message| &message.content);
    let results: Vec<String> = parts
        .filter_map(|part| match part {
            Part::ToolResult(result) => Some(result.content.clone()),
            _ => None,
        })
        .collect();
    let told: String = request.messages.iter().map(Message::text).collect();
    match (request.system.starts_with("Lead"), results.first()) {
        (true, None) => vec![
            call("a", "agent", json!({"agent": "worker", "task": "short"})),
            call("b", "agent", json!({"agent": "worker", "task": "endless"})),
        ],
        (true, Some(short)) => {
            let failed = results[1].contains("budget");
            vec![text(format!("{short}, and the other {}", if failed { "broke" } else { "?" }))]
        }
        // Never the same twice: no repetition is seen, only what it costs.
        (false, _) if told.contains("endless") => {
            vec![call("x", "look", json!({ "n": results.len() }))]
        }
        (false, _) => vec![text("done")],
    }
}

fn registry(outside: &Outside) -> Registry {
    let models = models(outside, script);
    let mut worker = Definition::new("worker", "Work.");
    worker.tokens_max = 100;
    let registry = Agent::of(worker.clone(), models.clone()).asks().register(Registry::new());
    let child = Allowance { tokens: Some(400), money: None };
    let lead = Agent::new("lead", "Lead.", models).with(|lead| lead.limits.child = child);
    lead.leads(&[worker]).register(registry)
}

const SCENARIO: Scenario = Scenario {
    name: "allowance",
    about: "two children with an allowance: one is short, one would never end",
    registry,
    outside: |outside| outside.script("model", Script { slow_ms: 20, ..Script::default() }),
    users: || vec![User::new().starts("lead", "one", "\"work\"").awaits(0, "lead/one")],
    expect: |run| {
        let mut wrong = ends(run, "lead/one", "completed \"done, and the other broke\"");
        // Twice the lead, once the short one, and the endless one until it was stopped.
        let few = (4..=12).map(|calls| effect(run, "model", calls));
        if !few.clone().any(|wrong| wrong.is_empty()) {
            wrong.extend(few.flatten());
        }
        wrong
    },
    exact: false,
    ..PLAIN
};

#[test]
fn a_child_that_has_used_up_its_allowance_fails_and_the_lead_hears_of_it() {
    exhaust(&SCENARIO).assert_none();
}
