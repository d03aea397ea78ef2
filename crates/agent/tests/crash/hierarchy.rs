//! Three floors of agents: what is done below is done once, and what is stopped above
//! is stopped below.

use crate::model::{call, models, text};
use greenroom_agent::conversation::{Message, Part};
use greenroom_agent::provider::Request;
use greenroom_agent::{Agent, Definition};
use greenroom_runtime::Registry;
use greenroom_sim::{Outside, PLAIN, Run, Scenario, Script, User, effect, ends, exhaust};
use serde_json::{Value, json};

/// What all tools have returned, in order.
fn results(request: &Request) -> Vec<String> {
    let parts = request.messages.iter().flat_map(|message| &message.content);
    let of = |part: &Part| match part {
        Part::ToolResult(result) => Some(result.content.clone()),
        _ => None,
    };
    parts.filter_map(of).collect()
}

fn job(id: &str, tool: &str, agent: &str, task: &str) -> Part {
    call(id, tool, json!({"agent": agent, "task": task}))
}

/// Each floor has the one below do its work and waits for it.
fn delegating(request: &Request) -> Vec<Part> {
    let (task, done) = (request.messages[0].text(), results(request));
    match (request.system.split('.').next().unwrap_or_default(), done.is_empty()) {
        ("Lead", true) => {
            vec![job("a", "agent", "middle", "one"), job("b", "agent", "middle", "two")]
        }
        ("Middle", true) => vec![job("c", "agent", "below", &task)],
        ("Below", _) => vec![text(format!("part {task}"))],
        _ => vec![text(done.join(" and "))],
    }
}

/// The one in the middle starts one in the background and never ends by itself; the
/// lead stops it when it hears that.
fn stopping(request: &Request) -> Vec<Part> {
    let done = results(request);
    let said: Vec<String> = request.messages.iter().map(Message::text).collect();
    match request.system.split('.').next().unwrap_or_default() {
        "Lead" if done.is_empty() => vec![job("a", "start_agent", "middle", "work")],
        "Lead" if said.concat().contains("at work") && done.len() == 1 => {
            let started: Value = serde_json::from_str(&done[0]).unwrap_or_default();
            vec![call("s", "stop_agent", json!({"id": started["id"], "reason": "enough"}))]
        }
        "Lead" if said.concat().contains("has not finished") => vec![text("stopped")],
        "Middle" if done.is_empty() => vec![job("b", "start_agent", "below", "work")],
        "Middle" if done.len() == 1 => {
            vec![call("q", "ask", json!({"question": "at work: go on?"}))]
        }
        "Below" => vec![call("q", "ask", json!({"question": "go on?"}))],
        _ => vec![text("waiting")],
    }
}

fn three(outside: &Outside, script: fn(&Request) -> Vec<Part>) -> Registry {
    let models = models(outside, script);
    let (middle, below) =
        (Definition::new("middle", "Middle."), Definition::new("below", "Below."));
    let registry = Agent::of(below.clone(), models.clone()).asks().register(Registry::new());
    let agent = Agent::of(middle.clone(), models.clone()).asks().leads(&[below]);
    Agent::new("lead", "Lead.", models).leads(&[middle]).register(agent.register(registry))
}

const DELEGATED: Scenario = Scenario {
    name: "hierarchy",
    about: "a lead, two below it that each have another do the work",
    registry: |outside| three(outside, delegating),
    outside: |outside| outside.script("model", Script { slow_ms: 20, ..Script::default() }),
    users: || vec![User::new().starts("lead", "one", "\"work\"").awaits(0, "lead/one")],
    expect: |run| {
        let mut wrong = ends(run, "lead/one", "completed \"part one and part two\"");
        // Twice each that has another do its work, once the others.
        wrong.extend(effect(run, "model", 8));
        wrong
    },
    exact: false,
    ..PLAIN
};

#[test]
fn what_is_done_below_is_done_once_whatever_crashes() {
    exhaust(&DELEGATED).assert_none();
}

/// Nobody of the tree goes on.
fn all_ended(run: &Run) -> Vec<String> {
    run.seen.unended().into_iter().map(|(id, status)| format!("{id} is {status}")).collect()
}

const STOPPED: Scenario = Scenario {
    name: "stopped hierarchy",
    about: "a lead stops an agent that has one at work itself",
    registry: |outside| three(outside, stopping),
    expect: |run| {
        let mut wrong = ends(run, "lead/one", "completed \"stopped\"");
        wrong.extend(all_ended(run));
        wrong
    },
    ..DELEGATED
};

#[test]
fn who_is_stopped_by_its_lead_is_stopped_with_all_below_it() {
    exhaust(&STOPPED).assert_none();
}

const FELLED: Scenario = Scenario {
    name: "felled hierarchy",
    about: "a person stops a lead with all below it, while they work",
    registry: |outside| {
        three(outside, |request| match request.system.starts_with("Below") {
            true => vec![call("q", "ask", json!({"question": "go on?"}))],
            false => delegating(request),
        })
    },
    users: || {
        let person = User::new().starts("lead", "one", "\"work\"");
        vec![person.fells(70, "lead/one").awaits(0, "lead/one")]
    },
    expect: |run| {
        let mut wrong = all_ended(run);
        let end = run.seen.end("lead/one");
        if !end.starts_with("cancelled") {
            wrong.push(format!("the lead ended as {end}"));
        }
        wrong
    },
    ..DELEGATED
};

#[test]
fn a_tree_that_is_stopped_while_it_works_stops_to_its_leaves() {
    exhaust(&FELLED).assert_none();
}
