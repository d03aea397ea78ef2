//! Swarms: one that falls silent, one that would be polite for ever.

use crate::model::{call, models, text};
use greenroom_agent::Agent;
use greenroom_agent::architecture::Swarm;
use greenroom_agent::conversation::{Message, Part, Role};
use greenroom_agent::provider::Request;
use greenroom_runtime::Registry;
use greenroom_sim::{Outside, PLAIN, Run, Scenario, Script, User, effect, ends, exhaust, storm};
use serde_json::json;
use std::time::Duration;

fn last(request: &Request) -> (Role, String) {
    let last = request.messages.last();
    last.map_or((Role::User, String::new()), |last| (last.role, last.text()))
}

fn spoke(request: &Request) -> usize {
    request.messages.iter().filter(|message| message.role == Role::Assistant).count()
}

/// Each tells the others what it knows once, and then has nothing to add.
fn quiet(request: &Request) -> Vec<Part> {
    let all: Vec<String> = request.messages.iter().map(Message::text).collect();
    match request.system.split('.').next().unwrap_or_default() {
        _ if all.concat().contains("The talk is over") => vec![text("blue, says bob")],
        "Ada" if spoke(request) == 0 => {
            vec![call("a", "tell_peer", json!({"to": "all", "message": "red or blue?"}))]
        }
        "Bob" if last(request).1.contains("red or blue?") => {
            vec![call("b", "tell_peer", json!({"to": "ada", "message": "blue"}))]
        }
        _ => vec![text("nothing to add")],
    }
}

/// Whatever it hears, it thanks for it.
fn polite(request: &Request) -> Vec<Part> {
    let to = if request.system.starts_with("Ada") { "bob" } else { "ada" };
    // What a tool returns has no text of its own: it has been sent.
    match last(request).1.is_empty() {
        false => {
            let id = format!("c{}", spoke(request));
            vec![call(id, "tell_peer", json!({"to": to, "message": "Thank you!"}))]
        }
        true => vec![text("It was a pleasure.")],
    }
}

fn members(outside: &Outside, script: fn(&Request) -> Vec<Part>) -> Registry {
    let models = models(outside, script);
    let all = [("ada", "Ada."), ("bob", "Bob."), ("cy", "Cy.")];
    all.iter().fold(Registry::new(), |registry, (name, prompt)| {
        Agent::new(name, prompt, models.clone()).register(registry)
    })
}

const QUIET: Scenario = Scenario {
    name: "swarm",
    about: "three peers, three messages, then silence; one says the result",
    registry: |outside| {
        let swarm = Swarm::new("panel").member("ada").member("bob").member("cy");
        swarm.concluded_by("ada").register(members(outside, quiet))
    },
    outside: |outside| outside.script("model", Script { slow_ms: 20, ..Script::default() }),
    users: || vec![User::new().starts("panel", "one", "\"which colour?\"").awaits(0, "panel/one")],
    expect: |run| {
        let result = "{\"ended\":\"quiet\",\"messages\":3,\"result\":\"blue, says bob\"}";
        ends(run, "panel/one", &format!("completed {result}"))
    },
    exact: false,
    ..PLAIN
};

const POLITE: Scenario = Scenario {
    name: "polite swarm",
    about: "two peers that thank each other for ever are stopped at the budget",
    registry: |outside| {
        let swarm = Swarm::new("panel").member("ada").member("bob").messages(6);
        swarm.concluded(|words| Ok(json!(words.len()))).register(members(outside, polite))
    },
    expect: |run| {
        // Whoever has not listened once by then has said nothing.
        let of = |n| format!("completed {{\"ended\":\"budget\",\"messages\":6,\"result\":{n}}}");
        let wrong = (0..3).map(|n| ends(run, "panel/one", &of(n)));
        match wrong.clone().any(|wrong| wrong.is_empty()) {
            true => Vec::new(),
            false => wrong.flatten().collect(),
        }
    },
    ..QUIET
};

#[test]
fn a_crash_before_every_action_and_it_is_quiet_at_the_same_point() {
    exhaust(&QUIET).assert_none();
}

#[test]
fn random_faults_lose_no_message() {
    storm(&QUIET, 0..60).assert_none();
}

#[test]
fn peers_that_thank_each_other_for_ever_end_at_the_budget() {
    exhaust(&POLITE).assert_none();
    storm(&POLITE, 0..30).assert_none();
}

/// Peers that have nothing to say end at once: each is asked once.
const SILENT: Scenario = Scenario {
    name: "silent swarm",
    about: "nobody says anything",
    registry: |outside| {
        let swarm = Swarm::new("panel").member("ada").member("bob").member("cy");
        swarm.vote().register(members(outside, |_| vec![text("Blue.")]))
    },
    expect: |run| {
        let result = "{\"ended\":\"quiet\",\"messages\":0,\"result\":\"blue\"}";
        let mut wrong = ends(run, "panel/one", &format!("completed {result}"));
        wrong.extend(effect(run, "model", 3));
        wrong
    },
    ..QUIET
};

#[test]
fn a_swarm_with_nothing_to_say_ends_at_once() {
    exhaust(&SILENT).assert_none();
}

/// It ended in one of these ways, and nobody of it goes on.
fn over(run: &Run, wanted: &str) -> Vec<String> {
    let end = run.seen.end("panel/one");
    let mut wrong: Vec<String> =
        run.seen.unended().into_iter().map(|(id, status)| format!("{id} is {status}")).collect();
    if !end.contains(wanted) {
        wrong.push(format!("it ended as `{end}`, not `{wanted}`"));
    }
    wrong
}

/// The time is up while they thank each other.
const LATE: Scenario = Scenario {
    name: "late swarm",
    about: "two peers that would go on are stopped at the deadline",
    registry: |outside| {
        let swarm = Swarm::new("panel").member("ada").member("bob").messages(300);
        let swarm = swarm.deadline(Duration::from_millis(110));
        swarm.concluded(|words| Ok(json!(words.len()))).register(members(outside, polite))
    },
    expect: |run| over(run, "\"ended\":\"deadline\""),
    ..QUIET
};

#[test]
fn peers_that_would_go_on_end_at_the_deadline() {
    exhaust(&LATE).assert_none();
}

/// The one that was to say the result has ended before.
const NOBODY: Scenario = Scenario {
    name: "swarm without a result",
    about: "the member that was to say the result has reached its limit",
    registry: |outside| {
        let models = models(outside, quiet);
        let swarm = Swarm::new("panel").member("ada").member("bob").concluded_by("ada");
        let ada = Agent::new("ada", "Ada.", models.clone()).with(|ada| ada.limits.turns = 1);
        let registry = Agent::new("bob", "Bob.", models).register(Registry::new());
        swarm.register(ada.register(registry))
    },
    expect: |run| over(run, "no_result"),
    ..QUIET
};

#[test]
fn a_swarm_whose_speaker_has_ended_has_no_result_and_says_so() {
    exhaust(&NOBODY).assert_none();
}
