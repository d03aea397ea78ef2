//! Steps that stand in a queue: never more at once than it lets in, whatever
//! crashes; one that waits has not begun, so that a crash leaves it as it was;
//! one that is cancelled there gives its place to the next. And a kind of which
//! one process is under way at a time.

use super::definition::{PLAIN, Scenario, effect, ends};
use crate::outside::{Outside, Script};
use crate::user::{User, Wish};
use greenroom_model::queue::QueueSpec;
use greenroom_model::{Failure, Retry, failure};
use greenroom_runtime::{Ctx, KindOptions, Registry};
use std::time::Duration;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "queue",
    about: "queued steps: limits that hold, retries that line up again, a cancel in the line",
    registry: |outside| {
        let (outside, rooms) = (outside.clone(), outside.clone());
        let one = KindOptions { processes_max: Some(1), ..KindOptions::default() };
        Registry::new()
            .kind("client", move |ctx, ()| client(ctx, outside.clone()))
            .kind("guest", move |ctx, ()| guest(ctx, rooms.clone()))
            .with_options("guest", one)
            .queue(QueueSpec::new("bank").concurrency(1))
            .queue(QueueSpec::new("post").rate(20, Duration::from_secs(1)))
    },
    outside: |outside| {
        let at_once_max = Some(1);
        outside
            .script("charge", Script { slow_ms: 20, value: 1, at_once_max, ..Script::default() });
        outside.script("stay", Script { slow_ms: 5, value: 3, at_once_max, ..Script::default() });
        outside.script("mail", Script { fail_first: 2, value: 2, ..Script::default() });
    },
    users: || {
        let gone = Wish::Cancel { id: "client/gone".to_owned() };
        vec![
            User::new().starts("client", "a", "null"),
            User::new().starts("client", "b", "null"),
            User::new().starts("client", "gone", "null").at(10, gone),
            User::new().starts("guest", "a", "null").starts("guest", "b", "null"),
            User::new().starts("guest", "c", "null"),
        ]
    },
    expect: |run| {
        let mut wrong = Vec::new();
        for id in ["client/a", "client/b"] {
            let end = run.seen.end(id);
            if !["completed [\"1\",2]", "completed [\"unknown\",2]"].contains(&end.as_str()) {
                wrong.push(format!("{id} ended as {end}"));
            }
        }
        for id in ["guest/a", "guest/b", "guest/c"] {
            wrong.extend(ends(run, id, "completed 6"));
        }
        let end = run.seen.end("client/gone");
        if !end.starts_with("cancelled") {
            wrong.extend(ends(run, "client/gone", "cancelled"));
        }
        let mails = run.effects.get("mail").copied().unwrap_or(0);
        if mails != 3 {
            wrong.extend(effect(run, "mail", 2));
        }
        wrong
    },
    exact: false,
    ..PLAIN
};

/// Only one is there at a time, from its first step to its last.
async fn guest(ctx: Ctx, outside: Outside) -> Result<u64, Failure> {
    let first = outside.step(&ctx, "stay").await?;
    Ok(first + outside.step(&ctx, "stay").await?)
}

async fn client(ctx: Ctx, outside: Outside) -> Result<(String, u64), Failure> {
    let charged = match outside.step(&ctx, "charge").at_most_once().queue("bank").await {
        Ok(value) => value.to_string(),
        Err(failure) if failure.is(failure::UNKNOWN) => "unknown".to_owned(),
        Err(failure) => return Err(failure),
    };
    let patient = Retry { first_delay: Duration::from_millis(20), ..Retry::attempts(60) };
    let mailed = outside.step(&ctx, "mail").retry(patient).queue("post").tenant(ctx.id().key());
    let mailed = mailed.await?;
    if ctx.id().key() == "gone" {
        // However late the cancel comes, it finds somebody.
        ctx.recv().await?;
    }
    Ok((charged, mailed))
}
