//! More than a turn holds, and payloads too large for a row: turns are cut,
//! blobs are fetched, nothing changes.

use super::definition::{PLAIN, Scenario, effect, ends};
use crate::outside::{Outside, Script};
use crate::user::User;
use greenroom_model::{Failure, ProcessId};
use greenroom_runtime::{Ctx, Registry};

/// More messages than a turn may hold.
const MESSAGES: u64 = 700;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "bulk",
    about: "turns that are too long, payloads that become blobs",
    registry: |outside| {
        let outside = outside.clone();
        Registry::new()
            .kind("sender", move |ctx, ()| sender(ctx, outside.clone()))
            .kind("taker", taker)
    },
    outside: |outside| outside.script("note", Script { slow_ms: 7, value: 1, ..Script::default() }),
    users: || vec![User::new().starts("taker", "t", "null").starts("sender", "s", "null")],
    expect: |run| {
        let mut wrong = effect(run, "note", 1);
        wrong.extend(ends(
            run,
            "taker/t",
            &format!("completed [{},100000]", MESSAGES * (MESSAGES + 1) / 2),
        ));
        wrong.extend(ends(run, "sender/s", "completed 100000"));
        wrong
    },
    timeless: true,
    ..PLAIN
};

async fn sender(ctx: Ctx, outside: Outside) -> Result<usize, Failure> {
    let taker = ProcessId::new("taker", "t")?;
    for number in 1..=MESSAGES {
        ctx.send(&taker, "number", &number).await?;
    }
    outside.step(&ctx, "note").await?;
    let text: String = ctx.call(&taker, "text", &"x".repeat(100_000)).await?;
    Ok(text.len())
}

async fn taker(ctx: Ctx, _: ()) -> Result<(u64, usize), Failure> {
    let mut sum = 0;
    loop {
        let message = ctx.recv().await?;
        if message.topic == "text" {
            let text: String = message.read()?;
            ctx.set("text", &text)?;
            ctx.reply(&message, &text)?;
            return Ok((sum, text.len()));
        }
        sum += message.read::<u64>()?;
    }
}
