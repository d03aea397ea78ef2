//! An agent whose conversation outgrows it, again and again: some of it is told to it
//! by a summary.

use crate::model::{call, models, narrow_models, text};
use futures_util::FutureExt;
use greenroom_agent::Agent;
use greenroom_agent::conversation::Part;
use greenroom_agent::provider::{Request, ToolSpec};
use greenroom_agent::tool::{Policy, Run, Tool};
use greenroom_runtime::Registry;
use greenroom_sim::{
    Outside, PLAIN, Scenario, Script, User, double_crashes, effect, ends, exhaust, storm,
};
use serde_json::{Value, json};
use std::sync::Arc;

const CALLS: u64 = 10;

/// The number that stands last in what it was told, in a result or in a summary.
fn script(request: &Request) -> Vec<Part> {
    let is_summary = request.system.starts_with("You are given the record");
    let parts = request.messages.iter().flat_map(|message| &message.content);
    let told = parts.filter_map(|part| match part {
        Part::Text { text } => Some(text.as_str()),
        Part::ToolResult(result) => Some(result.content.as_str()),
        Part::ToolCall(_) => None,
    });
    let numbers = told.flat_map(|text| text.split(['#', ' ', '\n'])).filter_map(|w| w.parse().ok());
    let done: u64 = numbers.max().unwrap_or(0);
    if is_summary {
        return vec![text(format!("done up to # {done}"))];
    }
    match done {
        CALLS => vec![text(format!("all {done}"))],
        _ => vec![call("again", "look", json!({ "n": done + 1 }))],
    }
}

fn looker(outside: &Outside, agent: Agent) -> Registry {
    let looks = outside.clone();
    let run = Run::Step(Arc::new(move |step, arguments: Value| {
        let done = looks.call(step, "look");
        let long = "wide and far ".repeat(40);
        async move { done.await.map(|_| json!(format!("# {} {long}", arguments["n"]))) }.boxed()
    }));
    let spec = ToolSpec {
        name: "look".to_owned(),
        description: "looks".to_owned(),
        schema: json!({"type": "object", "properties": {"n": {"type": "integer"}}}),
    };
    let policy = Policy { attempts_max: 50, ..Policy::default() };
    agent.tool(Tool { spec, policy, run }).register(Registry::new())
}

fn bounded(outside: &Outside) -> Registry {
    let agent = Agent::new("looker", "You look.", models(outside, script));
    looker(outside, agent.with(|definition| definition.limits.context = 700))
}

/// What bounds it is its model.
fn narrow(outside: &Outside) -> Registry {
    looker(outside, Agent::new("looker", "You look.", narrow_models(outside, script, 3_000)))
}

const SCENARIO: Scenario = Scenario {
    name: "compact",
    about: "an agent whose conversation is summarized on the way",
    registry: bounded,
    outside: |outside| outside.script("model", Script { slow_ms: 5, ..Script::default() }),
    users: || {
        let person = User::new().starts("looker", "one", "\"look at all\"");
        vec![person.awaits(0, "looker/one")]
    },
    expect: |run| {
        let mut wrong = ends(run, "looker/one", "completed \"all 10\"");
        wrong.extend(effect(run, "look", 10));
        // One for each call of the tool, the last word, and the summaries.
        wrong.extend(effect(run, "model", 10 + 1 + 3));
        wrong
    },
    ..PLAIN
};

/// The same with a model that says itself that it is told too much.
const NARROW: Scenario = Scenario { name: "compact-narrow", registry: narrow, ..SCENARIO };

#[test]
fn a_crash_before_every_action_changes_nothing() {
    let mut campaign = exhaust(&SCENARIO);
    campaign.add(double_crashes(&SCENARIO, 10));
    campaign.add(exhaust(&NARROW));
    campaign.assert_none();
}

#[test]
fn random_faults_change_nothing() {
    let mut campaign = storm(&SCENARIO, 0..40);
    campaign.add(storm(&NARROW, 0..20));
    campaign.assert_none();
}
