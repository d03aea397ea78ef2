//! Steps that take the whole node down: their policy bounds them like any
//! other failure, and between crashes it waits.

use super::definition::{PLAIN, Scenario, effect, ends};
use crate::outside::{Outside, Script};
use crate::run::Run;
use crate::user::User;
use greenroom_model::{Event, Failure, Op, Retry, failure};
use greenroom_runtime::{Ctx, Registry};
use std::time::Duration;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "crashloop",
    about: "steps that take the node down each time, or some times",
    registry: |outside| {
        let outside = outside.clone();
        Registry::new().kind("loop", move |ctx, ()| crash_loop(ctx, outside.clone()))
    },
    outside: |outside| {
        let bomb = |crash_first| Script { crash_first, value: 1, ..Script::default() };
        outside.script("bomb", bomb(u32::MAX));
        outside.script("squib", bomb(2));
        outside.script("once", bomb(u32::MAX));
        outside.script("after", Script { value: 7, ..Script::default() });
    },
    users: || vec![User::new().starts("loop", "a", "null")],
    expect: |run| {
        let mut wrong = ends(run, "loop/a", "completed [\"unknown\",\"1\",\"unknown\",\"7\"]");
        wrong.extend(effect(run, "bomb", 0));
        wrong.extend(effect(run, "squib", 1));
        wrong.extend(bounded(run));
        wrong
    },
    crashes: true,
    ..PLAIN
};

/// The bomb went off as often as its policy says, with a wait in between once
/// it looked like a loop.
fn bounded(run: &Run) -> Option<String> {
    let events = run.seen.process("loop/a").into_iter().flat_map(|loaded| &loaded.turns);
    let of_bomb = events.flat_map(|turn| &turn.events).filter(|event| event.op() == Some(Op(1)));
    let names: Vec<&str> = of_bomb.map(Event::name).collect();
    let count = |name: &str| names.iter().filter(|found| **found == name).count();
    let right = count("StepUnknown") == 3 && count("StepRetrying") == 1;
    let right = right && names.last() == Some(&"StepFailed");
    (!right).then(|| format!("the step that takes the node down went {names:?}"))
}

async fn crash_loop(ctx: Ctx, outside: Outside) -> Result<Vec<String>, Failure> {
    let words = |result: Result<u64, Failure>| match result {
        Ok(value) => value.to_string(),
        Err(failure) if failure.is(failure::UNKNOWN) => "unknown".to_owned(),
        Err(failure) => format!("{failure}"),
    };
    let patient = Retry { first_delay: Duration::from_millis(20), ..Retry::attempts(60) };
    let mut told = vec![words(outside.step(&ctx, "bomb").retry(Retry::attempts(3)).await)];
    told.push(words(outside.step(&ctx, "squib").retry(patient.clone()).await));
    told.push(words(outside.step(&ctx, "once").at_most_once().await));
    told.push(words(outside.step(&ctx, "after").retry(patient).await));
    Ok(told)
}
