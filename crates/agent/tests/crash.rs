//! An agent of twenty calls in the simulator: a crash before every action and every
//! fault at every commit. No finished call of a model or a tool is made twice, and
//! the conversation is the same in the end.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use greenroom_agent::Agent;
use greenroom_agent::conversation::{Message, Part, Role, ToolCall};
use greenroom_agent::models::{Candidate, Models};
use greenroom_agent::provider::{Delta, OnDelta, Provider, Reply, Request, Stop, ToolSpec, Usage};
use greenroom_agent::tool::{Approval, Policy, Run, Tool};
use greenroom_model::Failure;
use greenroom_runtime::Registry;
use greenroom_sim::{
    Outside, PLAIN, Scenario, Script, User, double_crashes, effect, ends, exhaust, storm,
};
use serde_json::{Value, json};
use std::sync::Arc;

/// So many calls of tools the model asks for, two in some replies.
const CALLS: usize = 20;

/// A model that goes by how much has been done so far.
struct Model(Outside);

/// How many results of tools a conversation has.
fn results(request: &Request) -> usize {
    let parts = request.messages.iter().flat_map(|message| &message.content);
    parts.filter(|part| matches!(part, Part::ToolResult(_))).count()
}

fn call(done: usize) -> Part {
    let name = if done.is_multiple_of(3) { "pay" } else { "look" };
    let arguments = json!({ "n": done });
    Part::ToolCall(ToolCall { id: format!("call-{done}"), name: name.to_owned(), arguments })
}

impl Provider for Model {
    fn protocol(&self) -> &'static str {
        "simulated"
    }

    fn send<'a>(
        &'a self,
        request: &'a Request,
        key: &'a str,
        on_delta: OnDelta<'a>,
    ) -> BoxFuture<'a, Result<Reply, Failure>> {
        async move {
            self.0.call_by_key(key, "model").await?;
            let done = results(request);
            on_delta(Delta::Text { text: format!("after {done}") });
            let mut content = vec![Part::Text { text: format!("after {done}") }];
            if done < CALLS {
                content.push(call(done));
                if done % 5 == 1 {
                    content.push(call(done + 1));
                }
            }
            let stop = if done < CALLS { Stop::ToolCalls } else { Stop::End };
            let message = Message { role: Role::Assistant, content, raw: None };
            let usage = Usage { input: 10, output: 5, ..Usage::default() };
            Ok(Reply { message, stop, usage, model: "simulated".to_owned() })
        }
        .boxed()
    }
}

struct One(Outside);

impl Models for One {
    fn candidates(&self, _: &str) -> Result<Vec<Candidate>, Failure> {
        let provider = Arc::new(Model(self.0.clone()));
        let (name, model) = ("sim/model".to_owned(), "model".to_owned());
        Ok(vec![Candidate { name, model, provider, queue: None }])
    }

    fn cost_micro(&self, _: &str, usage: &Usage) -> Option<u64> {
        Some(usage.total())
    }
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
    Agent::new("payer", "You pay.", Arc::new(One(outside.clone())))
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
