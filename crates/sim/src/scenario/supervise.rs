//! Supervisors of each strategy over workers that fail on some of their
//! messages: whatever fails and wherever the node dies, every other message is
//! handled once, and nothing is lost.

use super::definition::{PLAIN, Scenario, ends};
use crate::outside::{Outside, Script};
use crate::run::Run;
use crate::user::{User, Wish};
use greenroom_model::Failure;
use greenroom_runtime::{Ctx, Registry};

/// By then all that went wrong has been put right.
const LATE_MS: u64 = 3_600_000;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "supervise",
    about: "one_for_one, one_for_all, rest_for_one, poison messages, escalation",
    registry: |outside| {
        let outside = outside.clone();
        Registry::new().kind("worker", move |ctx, _: ()| worker(ctx, outside.clone()))
    },
    outside: |outside| {
        outside.script("work", Script { slow_ms: 5, ..Script::default() });
    },
    users: || {
        let mut users: Vec<User> =
            ["one_for_one", "one_for_all", "rest_for_one"].into_iter().map(team).collect();
        users.push(escalation());
        users
    },
    expect: |run| {
        let mut wrong = Vec::new();
        for team in ["one_for_one", "one_for_all", "rest_for_one"] {
            for (name, sum) in [("a", 1), ("b", 10), ("c", 1)] {
                let id = format!("worker/{team}.{name}");
                wrong.extend(ends(run, &id, &format!("completed {sum}")));
            }
            let id = format!("supervisor/{team}");
            wrong.extend(ends(run, &id, "cancelled shutdown: its significant children have ended"));
        }
        wrong.extend(ends(run, "worker/inner.w", "completed 11"));
        wrong.extend(ends(run, "supervisor/top", "cancelled cancelled: no longer wanted"));
        wrong.extend(letters(run, 4));
        wrong
    },
    // The order of crashes decides how often the siblings are restarted.
    exact: false,
    ..PLAIN
};

fn child(name: &str, restart: &str, significant: bool) -> String {
    format!(
        r#"{{"name":"{name}","kind":"worker","restart":"{restart}","significant":{significant}}}"#
    )
}

fn team(strategy: &'static str) -> User {
    let children = ["a", "b", "c"].map(|name| child(name, "transient", true)).join(",");
    let input = format!(
        r#"{{"strategy":"{strategy}","intensity":100,"auto_shutdown":"all_significant","children":[{children}]}}"#
    );
    let mut user = User::new().starts("supervisor", strategy, &input);
    let send = |user: User, at: u64, name: &str, topic, body: &str| {
        let to = format!("worker/{strategy}.{name}");
        user.at(at, Wish::Send { to, topic, body: body.to_owned() })
    };
    for name in ["a", "b", "c"] {
        user = user.at(
            0,
            Wish::Until {
                id: format!("worker/{strategy}.{name}"),
                status: greenroom_model::Status::Receiving,
            },
        );
    }
    for (name, topic, body) in
        [("a", "add", "1"), ("b", "fail", "null"), ("c", "add", "1"), ("b", "add", "10")]
    {
        user = send(user, 0, name, topic, body);
    }
    for name in ["a", "b", "c"] {
        user = send(user, LATE_MS, name, "done", "null");
    }
    user
}

/// The inner supervisor bears one restart; the outer one starts it again.
fn escalation() -> User {
    let inner = format!(r#"{{"intensity":1,"children":[{}]}}"#, child("w", "transient", false));
    let outer = format!(
        r#"{{"intensity":100,"children":[{{"name":"inner","key":"inner","kind":"supervisor","input":{inner}}}]}}"#
    );
    let to = || "worker/inner.w".to_owned();
    let send = |topic, body: &str| Wish::Send { to: to(), topic, body: body.to_owned() };
    User::new()
        .starts("supervisor", "top", &outer)
        .at(0, Wish::Until { id: to(), status: greenroom_model::Status::Receiving })
        .at(0, send("add", "1"))
        .at(0, send("fail", "null"))
        .at(0, send("add", "10"))
        .at(LATE_MS, send("done", "null"))
        .at(LATE_MS + 1_000, Wish::Cancel { id: "supervisor/top".to_owned() })
}

fn letters(run: &Run, wanted: usize) -> Vec<String> {
    let dead = &run.seen.dead;
    let crashed = dead.iter().filter(|letter| letter.crashes.len() == 3).count();
    match (dead.len(), crashed) {
        (all, crashed) if all == wanted && crashed == wanted => Vec::new(),
        (all, crashed) => vec![format!("{all} dead letters, {crashed} after 3 crashes: {dead:?}")],
    }
}

async fn worker(ctx: Ctx, outside: Outside) -> Result<u64, Failure> {
    let mut sum = 0;
    loop {
        let message = ctx.recv().await?;
        match message.topic.as_str() {
            "add" => {
                outside.step(&ctx, "work").await?;
                sum += message.read::<u64>()?;
                ctx.set("sum", &sum)?;
            }
            "done" => return Ok(sum),
            _ => return Err(Failure::msg("it cannot be done")),
        }
    }
}
