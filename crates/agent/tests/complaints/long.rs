//! Long tools and long runs, in the simulator's time.

#[path = "../crash/model.rs"]
mod model;

use self::model::{call, models, text};
use futures_util::FutureExt;
use greenroom_agent::Agent;
use greenroom_agent::conversation::Part;
use greenroom_agent::provider::{Request, ToolSpec};
use greenroom_agent::tool::{Policy, Run, Tool};
use greenroom_runtime::Registry;
use greenroom_sim::{Outside, PLAIN, Plan, Scenario, Script, User, ends, judge, run};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// So many calls of tools.
const CALLS: usize = 30;

fn done(request: &Request) -> usize {
    let parts = request.messages.iter().flat_map(|message| &message.content);
    parts.filter(|part| matches!(part, Part::ToolResult(_))).count()
}

fn tool(outside: &Outside, name: &'static str, timeout: Duration) -> Tool {
    let outside = outside.clone();
    let spec = ToolSpec {
        name: name.to_owned(),
        description: format!("does {name}"),
        schema: json!({"type": "object"}),
    };
    let run = Run::Step(Arc::new(move |step, _| {
        let done = outside.call(step, name);
        async move { done.await.map(|value| json!(value)) }.boxed()
    }));
    Tool { spec, policy: Policy { timeout, ..Policy::default() }, run }
}

fn slow_script(request: &Request) -> Vec<Part> {
    match done(request) {
        0 => vec![call("a", "minutes", json!({}))],
        1 => vec![call("b", "hours", json!({}))],
        _ => vec![text("done")],
    }
}

const SLOW: Scenario = Scenario {
    name: "slow_tools",
    about: "a tool of nine minutes and one of five hours",
    registry: |outside| {
        Agent::new("slow", "You wait.", models(outside, slow_script))
            .tool(tool(outside, "minutes", Policy::default().timeout))
            .tool(tool(outside, "hours", Duration::from_secs(6 * 3600)))
            .register(Registry::new())
    },
    outside: |outside| {
        outside.script("minutes", Script { slow_ms: 9 * 60_000, ..Script::default() });
        outside.script("hours", Script { slow_ms: 5 * 3_600_000, ..Script::default() });
    },
    users: || vec![User::new().starts("slow", "one", "\"go\"").awaits(0, "slow/one")],
    expect: |run| ends(run, "slow/one", "completed \"done\""),
    ..PLAIN
};

#[test]
fn a_tool_call_over_three_minutes_is_not_silently_run_again() {
    let run = run(&SLOW, &Plan::calm(1));
    assert_eq!(judge(&SLOW, &run, &run), Vec::<String>::new());
    assert!(run.virtual_ms > 5 * 3_600_000, "{} ms have passed", run.virtual_ms);
    for name in ["minutes", "hours", "model"] {
        let expected = if name == "model" { 3 } else { 1 };
        assert_eq!(run.calls.get(name), Some(&expected), "{name} of {:?}", run.calls);
    }
}

fn long_script(request: &Request) -> Vec<Part> {
    match done(request) {
        done if done < CALLS => vec![call(format!("c{done}"), "work", json!({ "n": done }))],
        _ => vec![text("done")],
    }
}

const LONG: Scenario = Scenario {
    name: "long_run",
    about: "an agent of thirty calls in a row",
    registry: |outside| {
        Agent::new("long", "You work.", models(outside, long_script))
            .tool(tool(outside, "work", Policy::default().timeout))
            .register(Registry::new())
    },
    outside: |outside| {
        for name in ["model", "work"] {
            outside.script(name, Script { slow_ms: 5, ..Script::default() });
        }
    },
    users: || vec![User::new().starts("long", "one", "\"go\"").awaits(0, "long/one")],
    // One crash, wherever it is: one call that was under way is made once more, of
    // all that were made before it none.
    expect: |run| {
        let mut wrong = ends(run, "long/one", "completed \"done\"");
        let calls: u64 = run.calls.values().sum();
        let most = 2 * CALLS as u64 + 2;
        if calls > most {
            wrong.push(format!("{calls} calls outside; {most} with one crash: {:?}", run.calls));
        }
        wrong
    },
    ..PLAIN
};

#[test]
fn a_crash_at_the_last_step_of_a_long_run_costs_one_step() {
    let calm = run(&LONG, &Plan::calm(1));
    assert_eq!(calm.calls["model"] + calm.calls["work"], 2 * CALLS as u64 + 1);
    for action in calm.actions - 20..=calm.actions {
        let plan = Plan { crash_before: [action].into(), ..Plan::calm(1) };
        let wrong = judge(&LONG, &calm, &run(&LONG, &plan));
        assert!(wrong.is_empty(), "a crash before action {action}: {wrong:?}");
    }
}
