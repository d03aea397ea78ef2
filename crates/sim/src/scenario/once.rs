//! Steps that run at most once: done, or said to be unknown, never repeated.

use super::definition::{PLAIN, Scenario};
use crate::outside::{Outside, Script};
use crate::user::User;
use greenroom_model::{Failure, failure};
use greenroom_runtime::{Ctx, Registry, join_all};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "once",
    about: "at-most-once steps, whose outcome a crash leaves unknown",
    registry: |outside| {
        let outside = outside.clone();
        Registry::new().kind("once", move |ctx, ()| once(ctx, outside.clone()))
    },
    outside: |outside| {
        outside.script("charge", Script { slow_ms: 20, value: 1, ..Script::default() });
        outside.script("refuse", Script { fail_first: 9, value: 1, ..Script::default() });
    },
    users: || {
        vec![User::new().starts("once", "a", "null"), User::new().starts("once", "b", "null")]
    },
    expect: |run| {
        let mut wrong = Vec::new();
        let mut charged = 0;
        for id in ["once/a", "once/b"] {
            let end = run.seen.end(id);
            match end
                .strip_prefix("completed [\"")
                .map(|rest| rest.split("\",\"").collect::<Vec<_>>())
            {
                Some(words) if words.len() == 4 => {
                    charged += words.iter().filter(|word| **word == "1").count() as u64;
                }
                _ => wrong.push(format!("{id} ended as {end}")),
            }
        }
        if run.effects.get("charge").copied().unwrap_or(0) < charged {
            wrong
                .push(format!("{charged} charges are reported, the outside saw {:?}", run.effects));
        }
        wrong
    },
    exact: false,
    ..PLAIN
};

async fn once(ctx: Ctx, outside: Outside) -> Result<Vec<String>, Failure> {
    let words = |result: Result<u64, Failure>| match result {
        Ok(value) => value.to_string(),
        Err(failure) if failure.is(failure::UNKNOWN) => "unknown".to_owned(),
        Err(failure) => failure.kind.to_string(),
    };
    let mut told = vec![words(outside.step(&ctx, "charge").at_most_once().await)];
    let both = [outside.step(&ctx, "charge"), outside.step(&ctx, "charge")];
    told.extend(join_all(both.map(|step| step.at_most_once())).await.into_iter().map(words));
    told.push(words(outside.step(&ctx, "refuse").at_most_once().await));
    Ok(told)
}
