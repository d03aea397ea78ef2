//! A mailbox with room for two, and three senders: all wait for room, nothing
//! is lost, doubled or out of order.

use super::definition::{PLAIN, Scenario, effect, ends};
use crate::outside::{Outside, Script};
use crate::user::User;
use greenroom_model::{Failure, ProcessId};
use greenroom_runtime::{Ctx, KindOptions, Mailbox, Registry};
use std::collections::BTreeMap;

const SENDERS: u64 = 3;
const EACH: u64 = 4;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "full",
    about: "senders that wait for room in a full mailbox",
    registry: |outside| {
        let outside = outside.clone();
        let mailbox = Mailbox { messages_max: 2, ..Mailbox::default() };
        Registry::new()
            .kind("sender", sender)
            .kind("taker", move |ctx, ()| taker(ctx, outside.clone()))
            .with_options("taker", KindOptions { mailbox, ..KindOptions::default() })
    },
    outside: |outside| outside.script("look", Script { slow_ms: 7, value: 1, ..Script::default() }),
    users: || {
        let user = User::new().starts("taker", "t", "null");
        let senders = (0..SENDERS).map(|n| (n, n.to_string()));
        vec![senders.fold(user, |user, (_, key)| user.starts("sender", &key, "null"))]
    },
    expect: |run| {
        let mut wrong = effect(run, "look", 1);
        wrong.extend(ends(run, "taker/t", &format!("completed {}", SENDERS * EACH)));
        for n in 0..SENDERS {
            wrong.extend(ends(run, &format!("sender/{n}"), &format!("completed {EACH}")));
        }
        wrong
    },
    ..PLAIN
};

async fn sender(ctx: Ctx, _: ()) -> Result<u64, Failure> {
    let taker = ProcessId::new("taker", "t")?;
    for number in 1..=EACH {
        ctx.send(&taker, "number", &number).await?;
    }
    Ok(EACH)
}

async fn taker(ctx: Ctx, outside: Outside) -> Result<u64, Failure> {
    outside.step(&ctx, "look").await?;
    let mut last: BTreeMap<String, u64> = BTreeMap::new();
    for _ in 0..SENDERS * EACH {
        let message = ctx.recv().await?;
        let (from, number) = (message.from.to_string(), message.read::<u64>()?);
        let before = last.insert(from.clone(), number).unwrap_or(0);
        if number != before + 1 {
            return Err(Failure::msg(format!("{number} of {from} came after {before}")));
        }
    }
    Ok(SENDERS * EACH)
}
