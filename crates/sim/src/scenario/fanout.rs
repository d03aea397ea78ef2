//! Ephemeral helpers of a durable parent: trees of them that talk, one that is
//! restarted in its place, one that fails, and messages up to the parent.

use super::definition::{PLAIN, Scenario, ends};
use crate::user::User;
use greenroom_model::{Failure, ProcessId};
use greenroom_runtime::{Child, Ctx, Registry, join_all};
use std::collections::BTreeSet;
use std::time::Duration;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "fanout",
    about: "ephemeral helpers: trees, calls, restarts, failures, messages to the parent",
    registry: |_| Registry::new().kind("lead", lead).kind("helper", helper).kind("adder", adder),
    users: || vec![User::new().starts("lead", "l", "3")],
    expect: |run| ends(run, "lead/l", "completed [9,\"odd\"]"),
    ..PLAIN
};

async fn lead(ctx: Ctx, count: u64) -> Result<(u64, String), Failure> {
    let mut helpers = Vec::new();
    for number in 0..count {
        helpers.push(ctx.spawn("helper", &number).ephemeral().await?);
    }
    let mut sum = 0;
    for one in join_all(helpers.iter().map(Child::join::<u64>)).await {
        sum += one?;
    }
    // A helper that ran again has said so again.
    let mut heard = BTreeSet::new();
    while heard.len() < helpers.len() {
        heard.insert(ctx.recv().topic("done").from(&ctx.id()).await?.read::<u64>()?);
    }
    ctx.sleep(Duration::from_millis(20)).await?;
    let odd = ctx.spawn("helper", &7).ephemeral().await?.join::<u64>().await;
    Ok((sum, odd.map_or_else(|failure| failure.kind.to_string(), |sum| sum.to_string())))
}

/// Has an adder count up to it and down again, and tells the durable parent.
async fn helper(ctx: Ctx, number: u64) -> Result<u64, Failure> {
    if number == 7 {
        return Err(Failure::new("odd", "seven is odd"));
    }
    let adder = ctx.spawn("adder", &number).restarts(3, Duration::from_secs(60)).await?;
    ctx.send(adder.id(), "fail", &()).await?;
    let sum = ctx.call::<u64>(adder.id(), "add", &1).await?;
    ctx.sleep(Duration::from_millis(10)).await?;
    let sum = sum + ctx.call::<u64>(adder.id(), "add", &1).await? - number;
    let lead: ProcessId = ctx.parent().ok_or_else(|| Failure::msg("it has no parent"))?;
    ctx.send(&lead, "done", &number).await?;
    Ok(sum)
}

async fn adder(ctx: Ctx, number: u64) -> Result<(), Failure> {
    loop {
        let message = ctx.recv().await?;
        if message.topic == "fail" {
            return Err(Failure::msg("on purpose"));
        }
        ctx.reply(&message, &(number + message.read::<u64>()?))?;
    }
}
