//! The limit on time, which also ends what is waited for: a tool, a person.

use crate::model::{call, models, text};
use futures_util::FutureExt;
use greenroom_agent::conversation::{Part, Role};
use greenroom_agent::definition::{Breach, Limits};
use greenroom_agent::provider::Request;
use greenroom_agent::tool::{Approval, Tool};
use greenroom_agent::{Agent, Definition};
use greenroom_model::Failure;
use greenroom_runtime::{Registry, Step};
use greenroom_sim::{Outside, PLAIN, Run, Scenario, User, ends, exhaust};
use serde_json::json;
use std::time::Duration;

fn is_first(request: &Request) -> bool {
    !request.messages.iter().any(|message| message.role == Role::Assistant)
}

/// The results of its calls so far.
fn results(request: &Request) -> String {
    let parts = request.messages.iter().flat_map(|message| &message.content);
    let of = |part: &Part| match part {
        Part::ToolResult(result) => Some(result.content.clone()),
        _ => None,
    };
    parts.filter_map(of).collect::<Vec<_>>().join("; ")
}

fn limits(then: Breach) -> Limits {
    Limits { minutes: Some(1), then, ..Limits::default() }
}

/// A tool that needs a yes, and one that would take for ever.
fn agent(outside: &Outside, script: fn(&Request) -> Vec<Part>, then: Breach) -> Registry {
    let pay = Tool::function("pay", "Pays.", |_: Step, (): ()| async { Ok::<_, Failure>("paid") });
    let hang = Tool::function("hang", "Hangs.", |_: Step, (): ()| {
        std::future::pending::<Result<(), Failure>>().boxed()
    });
    Agent::new("one", "One.", models(outside, script))
        .tool(pay.approval(Approval::Always))
        .tool(hang.timeout(Duration::from_secs(3_600)))
        .with(|definition| definition.limits = limits(then))
        .register(Registry::new())
}

const STOPPED: &str = "failed error: limit: 1 minutes have passed: its limit is reached";

fn stopped(run: &Run) -> Vec<String> {
    ends(run, "one/x", STOPPED)
}

fn start() -> User {
    User::new().starts("one", "x", "\"go\"")
}

const TOOL: Scenario = Scenario {
    name: "a tool over time",
    about: "a tool that never ends, in an agent that has a minute",
    registry: |outside| agent(outside, |_| vec![call("h", "hang", json!({}))], Breach::Stop),
    users: || vec![start().awaits(0, "one/x")],
    expect: stopped,
    exact: false,
    ..PLAIN
};

const PERSON: Scenario = Scenario {
    name: "nobody says yes in time",
    about: "an approval that nobody gives, in an agent that has a minute",
    registry: |outside| agent(outside, |_| vec![call("p", "pay", json!({}))], Breach::Stop),
    ..TOOL
};

const GRANTED: Scenario = Scenario {
    name: "more time",
    about: "who may go on is told what became of the calls",
    registry: |outside| {
        let script = |request: &Request| match is_first(request) {
            true => vec![call("p", "pay", json!({})), call("h", "hang", json!({}))],
            false => vec![text(results(request))],
        };
        agent(outside, script, Breach::Ask)
    },
    users: || vec![start().answers(0, "one/x", "limit", "\"yes\"").awaits(0, "one/x")],
    expect: |run| {
        let told = "The call was not made: the time for this work is over.";
        ends(run, "one/x", &format!("completed \"{told}; {told}\""))
    },
    ..TOOL
};

/// A lead that waits for an agent, and one that does not but has nothing else to do.
fn lead(outside: &Outside, script: fn(&Request) -> Vec<Part>) -> Registry {
    let registry = agent(outside, script, Breach::Stop);
    let mut slow = Definition::new("slow", "Slow.");
    slow.limits = Limits::default();
    let hang = Tool::function("hang", "Hangs.", |_: Step, (): ()| {
        std::future::pending::<Result<(), Failure>>().boxed()
    });
    let hang = hang.timeout(Duration::from_secs(3_600));
    let registry = Agent::of(slow.clone(), models(outside, script)).tool(hang).register(registry);
    Agent::new("lead", "Lead.", models(outside, script))
        .leads(&[slow])
        .with(|definition| definition.limits = limits(Breach::Stop))
        .register(registry)
}

fn leads(request: &Request, tool: &str) -> Vec<Part> {
    match (request.system.starts_with("Lead"), is_first(request)) {
        (true, true) => vec![call("a", tool, json!({"agent": "slow", "task": "go"}))],
        (true, false) => vec![text("I wait")],
        (false, _) => vec![call("h", "hang", json!({}))],
    }
}

const WAITING: Scenario = Scenario {
    name: "an agent over time",
    about: "a lead that waits for an agent is stopped in time, and so is that agent",
    registry: |outside| lead(outside, |request| leads(request, "agent")),
    users: || vec![User::new().starts("lead", "x", "\"go\"").awaits(0, "lead/x")],
    expect: |run| {
        let mut wrong = ends(run, "lead/x", STOPPED);
        wrong.extend(ends(run, "slow/x.9", "cancelled cancelled: the time of its lead is over"));
        wrong
    },
    ..TOOL
};

const LISTENING: Scenario = Scenario {
    name: "an agent in the background over time",
    about: "a lead that has nothing to do but to wait is stopped in time",
    registry: |outside| lead(outside, |request| leads(request, "start_agent")),
    users: || {
        vec![
            User::new().starts("lead", "x", "\"go\"").awaits(0, "lead/x").fells(70_000, "slow/x.9"),
        ]
    },
    expect: |run| ends(run, "lead/x", STOPPED),
    ..TOOL
};

#[test]
fn the_limit_on_time_ends_a_tool_and_an_approval() {
    exhaust(&TOOL).assert_none();
    exhaust(&PERSON).assert_none();
}

#[test]
fn who_may_go_on_after_the_limit_on_time_is_told_what_became_of_its_calls() {
    exhaust(&GRANTED).assert_none();
}

#[test]
fn the_limit_on_time_of_a_lead_ends_its_waiting_for_agents() {
    exhaust(&WAITING).assert_none();
    exhaust(&LISTENING).assert_none();
}
