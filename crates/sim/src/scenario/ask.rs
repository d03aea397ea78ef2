//! Questions to people: answered, too late, with a default, and withdrawn.

use super::definition::{PLAIN, Scenario, ends};
use crate::user::{User, Wish};
use greenroom_model::Failure;
use greenroom_runtime::{Ctx, Either, Registry, select};
use std::time::Duration;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "ask",
    about: "asks: answered, timed out, default taken, withdrawn",
    registry: |_| Registry::new().kind("asker", asker),
    users: || {
        let answer = |ask, value: &str| Wish::Answer {
            to: "asker/a".to_owned(),
            ask,
            value: value.to_owned(),
        };
        vec![
            User::new()
                .starts("asker", "a", "null")
                .at(50, answer("approval", "\"yes\""))
                .at(100_000_000, answer("last", "7")),
        ]
    },
    expect: |run| ends(run, "asker/a", "completed [\"yes\",\"timeout\",\"5\",\"withdrawn\",\"7\"]"),
    ..PLAIN
};

async fn asker(ctx: Ctx, _: ()) -> Result<Vec<String>, Failure> {
    let mut told = Vec::new();
    told.push(ctx.ask::<String>("approval", "May I?").choices(["yes", "no"]).await?);
    let hour = Duration::from_secs(3600);
    let late = ctx.ask::<String>("nobody", "Is anybody there?").deadline(hour).await;
    told.push(late.unwrap_or_else(|failure| failure.kind.to_string()));
    let number: u64 = ctx.ask("number", "How many?").deadline(hour).default(&5).await?;
    told.push(number.to_string());
    let withdrawn =
        select(ctx.ask::<u64>("moot", "Now?"), ctx.sleep(Duration::from_secs(60))).await;
    told.push(match withdrawn {
        Either::Left(_) => "answered".to_owned(),
        Either::Right(_) => "withdrawn".to_owned(),
    });
    let last: u64 = ctx.ask("last", "And now?").deadline(hour * 24 * 30).await?;
    told.push(last.to_string());
    Ok(told)
}
