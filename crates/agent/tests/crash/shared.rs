//! What agents share and remember, with a crash before every action: set once, granted
//! once, saved once.

use crate::model::{call, models, text};
use greenroom_agent::conversation::{Message, Part};
use greenroom_agent::provider::Request;
use greenroom_agent::{Agent, Definition, context, memory};
use greenroom_runtime::Registry;
use greenroom_sim::{Outside, PLAIN, Scenario, Script, User, effect, ends, exhaust};
use serde_json::{Value, json};

fn results(request: &Request) -> Vec<Value> {
    let parts = request.messages.iter().flat_map(|message| &message.content);
    let of = |part: &Part| match part {
        Part::ToolResult(result) => Some(result.content.clone()),
        _ => None,
    };
    let read = |words: String| serde_json::from_str(&words).unwrap_or(Value::String(words));
    parts.filter_map(of).map(read).collect()
}

/// The lead has another set a key that it has granted, and reads it.
fn sharing(request: &Request) -> Vec<Part> {
    let done = results(request);
    match (request.system.starts_with("Lead"), done.as_slice()) {
        (true, []) => {
            vec![call("a", "context_set", json!({"key": "site/colour", "value": "red"}))]
        }
        (true, [_]) => {
            let job = json!({"agent": "writer", "task": "page", "context": ["site/"]});
            vec![call("b", "agent", job)]
        }
        (true, [_, _]) => vec![call("c", "context_get", json!({"key": "site/colour"}))],
        (true, all) => vec![text(format!("{} {}", all[2]["value"], all[2]["version"]))],
        (false, []) => {
            let set = json!({"key": "site/colour", "value": "blue", "if_version": 1});
            vec![call("d", "context_set", set)]
        }
        (false, [told, ..]) => vec![text(told.to_string())],
    }
}

const SHARED: Scenario = Scenario {
    name: "shared context",
    about: "a lead sets a key, grants it to another, which changes it, and reads it",
    registry: |outside: &Outside| {
        let models = models(outside, sharing);
        let writer = Definition::new("writer", "Write.");
        let shared = Agent::of(writer.clone(), models.clone()).shares().register(Registry::new());
        let lead = Agent::new("lead", "Lead.", models).leads(&[writer]).shares();
        context::register(lead.register(shared))
    },
    outside: |outside| outside.script("model", Script { slow_ms: 20, ..Script::default() }),
    users: || vec![User::new().starts("lead", "one", "\"a site\"").awaits(0, "lead/one")],
    expect: |run| {
        let mut wrong = ends(run, "lead/one", "completed \"\\\"blue\\\" 2\"");
        wrong.extend(effect(run, "model", 6));
        wrong
    },
    exact: false,
    ..PLAIN
};

/// One conversation saves, the next finds it.
fn remembering(request: &Request) -> Vec<Part> {
    let done = results(request);
    let task = request.messages.first().map(Message::text).unwrap_or_default();
    match (task.as_str(), done.as_slice()) {
        ("save", []) => vec![call("a", "memory_save", json!({"text": "Åsa likes green"}))],
        ("save", [_]) => vec![call("b", "memory_search", json!({"query": "green"}))],
        (_, [.., found]) => vec![text(found["hits"].as_array().map_or(0, Vec::len).to_string())],
        _ => vec![text("?")],
    }
}

const SAVED: Scenario = Scenario {
    name: "memory",
    about: "an agent saves something and finds it, once",
    registry: |outside: &Outside| {
        let clerk = Agent::new("clerk", "Remember.", models(outside, remembering));
        memory::register(clerk.remembers().register(Registry::new()))
    },
    users: || vec![User::new().starts("clerk", "one", "\"save\"").awaits(0, "clerk/one")],
    expect: |run| {
        let mut wrong = ends(run, "clerk/one", "completed \"1\"");
        wrong.extend(effect(run, "model", 3));
        wrong
    },
    ..SHARED
};

#[test]
fn a_shared_key_is_set_and_granted_once_whatever_crashes() {
    exhaust(&SHARED).assert_none();
}

#[test]
fn what_is_saved_is_saved_once_whatever_crashes() {
    exhaust(&SAVED).assert_none();
}
