//! A pipeline whose stages go wrong in every way there is.

use crate::model::{models, text};
use greenroom_agent::Agent;
use greenroom_agent::architecture::{Fallback, Pipeline, Stage};
use greenroom_agent::conversation::Part;
use greenroom_agent::provider::Request;
use greenroom_model::{Failure, Retry};
use greenroom_runtime::Registry;
use greenroom_sim::{
    Outside, PLAIN, Scenario, Script, User, double_crashes, effect, ends, exhaust, storm,
};
use serde_json::{Value, json};

fn script(request: &Request) -> Vec<Part> {
    let asked = request.messages.first().map(|message| message.text()).unwrap_or_default();
    let words = match request.system.as_str() {
        // It is told once what is wrong, and what it has said.
        "Find facts." if asked.contains("your answer was:\nmany") => "```json\n[1, 2]\n```",
        "Find facts." => "many",
        "Write." => "I will not.",
        "Write plainly." if asked.contains("[1,2]") => "{\"text\": \"plain\"}",
        _ => "{}",
    };
    vec![text(words)]
}

fn registry(outside: &Outside) -> Registry {
    let models = models(outside, script);
    let prompts = [("facts", "Find facts."), ("writer", "Write."), ("plain", "Write plainly.")];
    let registry = prompts.iter().fold(Registry::new(), |registry, (name, prompt)| {
        Agent::new(name, prompt, models.clone()).register(registry)
    });
    let outside = outside.clone();
    let check = move |step, text: Value| {
        let done = outside.call(step, "check");
        async move { done.await.map(|_| text) }
    };
    let broken = |_, _: Value| async { Err::<Value, _>(Failure::fatal("broken", "no printer")) };
    let numbers = json!({"type": "array", "items": {"type": "integer"}});
    let text = json!({"type": "object", "required": ["text"]});
    Pipeline::new("report")
        .stage(Stage::agent("facts").gives_schema(numbers))
        .stage(Stage::agent("writer").gives_schema(text).or(Fallback::Agent("plain".to_owned())))
        // Faults may meet one step again and again.
        .stage(Stage::function("check", check).retry(Retry::attempts(20)))
        .stage(Stage::function("print", broken).or(Fallback::Value(json!("printed"))))
        .stage(Stage::function("file", broken).gives::<u64>().or(Fallback::Ask))
        .register(registry)
}

const SCENARIO: Scenario = Scenario {
    name: "pipeline",
    about: "a stage is repaired, one is done by another agent, one by a value, one by a person",
    registry,
    outside: |outside| {
        outside.script("model", Script { slow_ms: 20, ..Script::default() });
        outside.script("check", Script { slow_ms: 5, fail_first: 1, ..Script::default() });
    },
    users: || {
        let person = User::new().starts("report", "one", "\"rain\"");
        // The first answer does not fit: it is asked again.
        let person = ["\"drawer\"", "7"]
            .iter()
            .fold(person, |person, answer| person.answers(0, "report/one", "stage file", answer));
        vec![person.awaits(0, "report/one")]
    },
    expect: |run| {
        let mut wrong = ends(run, "report/one", "completed 7");
        wrong.extend(effect(run, "model", 5));
        wrong.extend(effect(run, "check", 1));
        wrong
    },
    ..PLAIN
};

#[test]
fn a_crash_before_every_action_does_no_stage_twice() {
    exhaust(&SCENARIO).assert_none();
}

#[test]
fn a_crash_after_the_crash_does_neither() {
    double_crashes(&SCENARIO, 20).assert_none();
}

#[test]
fn random_faults_lose_no_stage() {
    storm(&SCENARIO, 0..40).assert_none();
}
