//! A lead with two agents in the background. One asks: the lead answers it; the
//! other asks a person.

use crate::model::{call, models, text};
use greenroom_agent::conversation::{Message, Part, Role};
use greenroom_agent::definition::Allowance;
use greenroom_agent::provider::Request;
use greenroom_agent::{Agent, Definition};
use greenroom_runtime::Registry;
use greenroom_sim::{Outside, PLAIN, Scenario, Script, User, ends, exhaust, storm};
use serde_json::json;

/// The results of all calls of a tool so far.
fn results(request: &Request, tool: &str) -> Vec<String> {
    let parts = request.messages.iter().flat_map(|message| &message.content);
    let of = |part: &Part| match part {
        Part::ToolResult(result) if result.name == tool => Some(result.content.clone()),
        _ => None,
    };
    parts.filter_map(of).collect()
}

/// What people and other agents have said, line by line.
fn heard(request: &Request) -> Vec<String> {
    let said = request.messages.iter().filter(|message| message.role == Role::User);
    said.map(Message::text)
        .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

fn lead(request: &Request) -> Vec<Part> {
    let started = results(request, "start_agent");
    if started.is_empty() {
        let start = |id: &str, page: &str| {
            call(id, "start_agent", json!({"agent": "writer", "task": page}))
        };
        return vec![start("a", "home"), start("b", "about")];
    }
    let lines = heard(request);
    let answered = results(request, "answer_agent").len();
    if let Some(question) = lines.iter().filter(|line| line.contains("asks;")).nth(answered) {
        let id = question.split_whitespace().nth(2).unwrap_or_default();
        let answer = json!({"id": id, "message": "blue"});
        return vec![call(format!("c{answered}"), "answer_agent", answer)];
    }
    let done: Vec<&String> = lines.iter().filter(|line| line.ends_with("page")).collect();
    match done.len() {
        2 => {
            let mut pages: Vec<&str> = done.into_iter().map(String::as_str).collect();
            pages.sort_unstable();
            vec![text(pages.join(" and "))]
        }
        _ => vec![text("waiting")],
    }
}

fn writer(request: &Request) -> Vec<Part> {
    let page = heard(request).first().cloned().unwrap_or_default();
    match results(request, "ask").first() {
        None => {
            let question = json!({"question": format!("which colour for {page}?")});
            vec![call("q", "ask", question)]
        }
        Some(colour) => vec![text(format!("a {colour} {page} page"))],
    }
}

fn script(request: &Request) -> Vec<Part> {
    if request.system.starts_with("Lead") { lead(request) } else { writer(request) }
}

fn registry(outside: &Outside) -> Registry {
    let models = models(outside, script);
    let writer = Definition::new("writer", "Write a page.");
    let registry = Agent::of(writer.clone(), models.clone()).asks().register(Registry::new());
    Agent::new("lead", "Lead.", models).leads(&[writer]).register(registry)
}

const SCENARIO: Scenario = Scenario {
    name: "team",
    about: "a lead, two agents in the background, a question to the lead",
    registry,
    outside: |outside| outside.script("model", Script { slow_ms: 20, ..Script::default() }),
    users: || {
        let person = User::new().starts("lead", "one", "\"two pages\"");
        vec![person.awaits(0, "lead/one")]
    },
    expect: |run| ends(run, "lead/one", "completed \"a blue about page and a blue home page\""),
    exact: false,
    ..PLAIN
};

/// The same where each of the two may use up less than one call of the lead's takes.
const ALLOWED: Scenario = Scenario {
    name: "allowed team",
    about: "a lead without a budget, whose two agents have an allowance each",
    registry: |outside| {
        let models = models(outside, script);
        let mut writer = Definition::new("writer", "Write a page.");
        writer.tokens_max = 100;
        let registry = Agent::of(writer.clone(), models.clone()).asks().register(Registry::new());
        let child = Allowance { tokens: Some(2_000), money: None };
        let lead = Agent::new("lead", "Lead.", models).with(|lead| lead.limits.child = child);
        lead.leads(&[writer]).register(registry)
    },
    ..SCENARIO
};

#[test]
fn a_lead_acts_on_a_question_at_its_own_cost_whatever_crashes() {
    exhaust(&ALLOWED).assert_none();
}

#[test]
fn a_crash_before_every_action_loses_no_question_and_no_result() {
    exhaust(&SCENARIO).assert_none();
}

#[test]
fn random_faults_lose_no_question_and_no_result() {
    storm(&SCENARIO, 0..60).assert_none();
}
