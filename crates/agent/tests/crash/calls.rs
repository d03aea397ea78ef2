//! An agent of twenty calls, some of which need a person's yes.

use crate::model::{call, models, text};
use futures_util::FutureExt;
use greenroom_agent::Agent;
use greenroom_agent::conversation::Part;
use greenroom_agent::provider::{Request, ToolSpec};
use greenroom_agent::tool::{Approval, Policy, Run, Tool};
use greenroom_runtime::Registry;
use greenroom_sim::{
    Outside, PLAIN, Scenario, Script, User, double_crashes, effect, ends, exhaust, storm,
};
use serde_json::{Value, json};
use std::sync::Arc;

/// So many calls of tools the model asks for, two in some replies.
const CALLS: usize = 20;

/// It goes by how much has been done so far.
fn script(request: &Request) -> Vec<Part> {
    let parts = request.messages.iter().flat_map(|message| &message.content);
    let done = parts.filter(|part| matches!(part, Part::ToolResult(_))).count();
    let mut content = vec![text(format!("after {done}"))];
    let next = |done: usize| {
        let name = if done.is_multiple_of(3) { "pay" } else { "look" };
        call(format!("call-{done}"), name, json!({ "n": done }))
    };
    if done < CALLS {
        content.push(next(done));
        if done % 5 == 1 {
            content.push(next(done + 1));
        }
    }
    content
}

fn tool(outside: &Outside, name: &'static str, policy: Policy) -> Tool {
    let outside = outside.clone();
    let spec = ToolSpec {
        name: name.to_owned(),
        description: format!("does {name}"),
        schema: json!({"type": "object", "properties": {"n": {"type": "integer"}}}),
    };
    let run = Run::Step(Arc::new(move |step, arguments: Value| {
        let done = outside.call(step, name);
        async move { done.await.map(|_| json!(format!("{name} {} is done", arguments["n"]))) }
            .boxed()
    }));
    Tool { spec, policy: Policy { attempts_max: 50, ..policy }, run }
}

fn registry(outside: &Outside) -> Registry {
    let many = Approval::Above { pointer: "/n".to_owned(), most: 8.0 };
    let pay = Policy { approval: many, ..Policy::default() };
    let look = Policy { read_only: true, ..Policy::default() };
    Agent::new("payer", "You pay.", models(outside, script))
        .tool(tool(outside, "pay", pay))
        .tool(tool(outside, "look", look))
        .register(Registry::new())
}

const SCENARIO: Scenario = Scenario {
    name: "agent",
    about: "an agent of twenty calls, some of which need a yes",
    registry,
    outside: |outside| {
        outside.script("model", Script { slow_ms: 20, ..Script::default() });
        outside.script("look", Script { slow_ms: 3, fail_first: 1, ..Script::default() });
    },
    users: || {
        let person = User::new().starts("payer", "one", "\"pay them all\"");
        // Of those above 8 that are paid: 9, 12, 15, 18. The second is refused, the
        // third is changed.
        let answers = ["\"approve\"", "{\"reject\":\"no\"}", "{\"edit\":{\"n\":99}}", "true"];
        let person = answers
            .iter()
            .fold(person, |person, answer| person.answers(0, "payer/one", "approve pay", answer));
        vec![person.awaits(0, "payer/one")]
    },
    expect: |run| {
        let mut wrong = ends(run, "payer/one", "completed \"after 20\"");
        // Twenty calls, four of them beside another; and the last word.
        wrong.extend(effect(run, "model", 17));
        wrong.extend(effect(run, "pay", 6));
        wrong.extend(effect(run, "look", 13));
        wrong
    },
    ..PLAIN
};

#[test]
fn a_crash_before_every_action_changes_nothing() {
    let mut campaign = exhaust(&SCENARIO);
    campaign.add(double_crashes(&SCENARIO, 40));
    campaign.assert_none();
}

#[test]
fn random_faults_change_nothing() {
    storm(&SCENARIO, 0..60).assert_none();
}
