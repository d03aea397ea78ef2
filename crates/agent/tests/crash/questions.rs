//! Questions of a lead's agents: two at once, each with its own answer; and a person
//! who answers in the lead's place.

use crate::model::{call, models, text};
use greenroom_agent::conversation::{Message, Part, Role};
use greenroom_agent::provider::Request;
use greenroom_agent::{Agent, Definition};
use greenroom_runtime::Registry;
use greenroom_sim::{Outside, PLAIN, Run, Scenario, Script, User, ends, exhaust, storm};
use serde_json::{Value, json};

/// The results of all calls of a tool so far.
fn results(request: &Request, tool: &str) -> Vec<String> {
    let parts = request.messages.iter().flat_map(|message| &message.content);
    let of = |part: &Part| match part {
        Part::ToolResult(result) if result.name == tool => Some(result.content.clone()),
        _ => None,
    };
    parts.filter_map(of).collect()
}

/// What was said to it, whole.
fn said(request: &Request) -> String {
    let said = request.messages.iter().filter(|message| message.role == Role::User);
    said.map(Message::text).collect::<Vec<_>>().join("\n")
}

fn writer(request: &Request) -> Vec<Part> {
    let ask = |id: &str, what: &str| call(id, "ask", json!({"question": format!("{what}?")}));
    match results(request, "ask").as_slice() {
        [] => vec![ask("c", "colour"), ask("s", "size")],
        [colour, size, ..] => vec![text(format!("a {size} {colour} page"))],
        [_] => vec![text("only one answer")],
    }
}

/// Who asks, the question's name, and the question, in the order of the asking.
fn questions(request: &Request) -> Vec<(String, String, String)> {
    let (said, mut all) = (said(request), Vec::new());
    let mut lines = said.lines();
    while let Some(line) = lines.next() {
        let mut words = line.trim_end_matches(']').split_whitespace();
        if line.contains("asks;")
            && let (Some(who), Some(name), Some(question)) =
                (words.nth(2), words.next_back(), lines.next())
        {
            all.push((who.to_owned(), name.to_owned(), question.to_owned()));
        }
    }
    all
}

fn start() -> Vec<Part> {
    vec![call("a", "start_agent", json!({"agent": "writer", "task": "page"}))]
}

/// Answers the later question first, and none before both are asked.
fn answering(request: &Request) -> Vec<Part> {
    let (asked, tried) = (questions(request), results(request, "answer_agent"));
    let answer = |n: usize, question: Option<&str>| {
        let (who, _, words) = &asked[n];
        let words = if words == "colour?" { "blue" } else { "large" };
        let mut arguments = json!({"id": who, "message": words});
        if let Some(question) = question {
            arguments["question"] = Value::from(question);
        }
        call(format!("q{}", tried.len()), "answer_agent", arguments)
    };
    match (results(request, "start_agent").len(), asked.len(), tried.len()) {
        (0, ..) => start(),
        (_, 2, 0) => vec![answer(0, None)],
        (_, 2, 1) if tried[0].contains("several") => vec![answer(0, Some("nonsense"))],
        (_, 2, 2) if tried[1].contains("no open question nonsense") => {
            vec![answer(1, Some(&asked[1].1))]
        }
        (_, 2, 3) => vec![answer(0, Some(&asked[0].1))],
        (_, 2, 4) if said(request).contains("has finished") => {
            vec![text(said(request).lines().last().unwrap_or_default())]
        }
        _ => vec![text("waiting")],
    }
}

/// Leaves it to people.
fn silent(request: &Request) -> Vec<Part> {
    let said = said(request);
    match results(request, "start_agent").is_empty() {
        true => start(),
        false if said.contains("has finished") => {
            vec![text(said.lines().last().unwrap_or_default())]
        }
        false => vec![text("that is for a person")],
    }
}

fn family(outside: &Outside, script: fn(&Request) -> Vec<Part>) -> Registry {
    let models = models(outside, script);
    let writer = Definition::new("writer", "Write a page.");
    let registry = Agent::of(writer.clone(), models.clone()).asks().register(Registry::new());
    Agent::new("lead", "Lead.", models).leads(&[writer]).register(registry)
}

fn is_lead(request: &Request) -> bool {
    request.system.starts_with("Lead")
}

const TWO: Scenario = Scenario {
    name: "two questions",
    about: "an agent asks two things at once, and its lead answers the second first",
    registry: |outside| {
        family(outside, |asked| if is_lead(asked) { answering(asked) } else { writer(asked) })
    },
    outside: |outside| outside.script("model", Script { slow_ms: 20, ..Script::default() }),
    users: || vec![User::new().starts("lead", "one", "\"a page\"").awaits(0, "lead/one")],
    expect: |run| ends(run, "lead/one", "completed \"a large blue page\""),
    exact: false,
    ..PLAIN
};

/// Once the writer has both answers, its lead answers nothing any more.
fn nothing_is_left(run: &Run) -> Vec<String> {
    let mut wrong = ends(run, "lead/one", "completed \"a small green page\"");
    wrong.extend(ends(run, "writer/one.8", "completed \"a small green page\""));
    wrong
}

const PERSON: Scenario = Scenario {
    name: "a person answers",
    about: "a person answers an agent's questions in the place of its lead",
    registry: |outside| {
        family(outside, |asked| if is_lead(asked) { silent(asked) } else { writer(asked) })
    },
    users: || {
        let person = User::new().starts("lead", "one", "\"a page\"");
        let person = person.answers(0, "writer/one.8", "question", "\"green\"");
        let person = person.answers(0, "writer/one.8", "question", "\"small\"");
        vec![person.awaits(0, "lead/one")]
    },
    expect: nothing_is_left,
    ..TWO
};

#[test]
fn two_questions_at_once_get_each_its_own_answer_whatever_crashes() {
    exhaust(&TWO).assert_none();
}

#[test]
fn a_person_answers_in_the_place_of_the_lead_whatever_crashes() {
    exhaust(&PERSON).assert_none();
    storm(&PERSON, 0..40).assert_none();
}
