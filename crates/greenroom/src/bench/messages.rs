//! Messages between durable processes: each is two rows in two commits, and
//! arrives exactly once.

use super::crowd;
use super::machine::{Watch, cpu_us, object, round};
use super::place::Place;
use super::plan::Args;
use anyhow::ensure;
use greenroom_model::{Failure, ProcessId, Status};
use greenroom_runtime::journal::Listing;
use greenroom_runtime::{Ctx, Node, NodeOptions, Registry};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// How many messages of a pair are under way at once.
const WINDOW: u64 = 10;

/// Sends to its partner, and hears of every tenth.
async fn sender(ctx: Ctx, messages: u64) -> Result<u64, Failure> {
    let partner = ProcessId::new("receiver", ctx.id().key())?;
    for n in 0..messages {
        ctx.send(&partner, "n", &n).await?;
        if (n + 1) % WINDOW == 0 {
            ctx.recv().topic("ack").await?;
        }
    }
    Ok(messages)
}

async fn receiver(ctx: Ctx, messages: u64) -> Result<u64, Failure> {
    let partner = ProcessId::new("sender", ctx.id().key())?;
    for n in 0..messages {
        let got: u64 = ctx.recv().topic("n").await?.read()?;
        if got != n {
            return Err(Failure::msg(format!("message {got} came in the place of {n}")));
        }
        if (n + 1) % WINDOW == 0 {
            ctx.send(&partner, "ack", &()).await?;
        }
    }
    Ok(messages)
}

pub(super) async fn run(place: &Place, args: &Args) -> anyhow::Result<Map<String, Value>> {
    let pairs = args.processes.unwrap_or(1_000);
    let each = args.messages.unwrap_or(200).next_multiple_of(WINDOW);
    let registry = Registry::new().kind("sender", sender).kind("receiver", receiver);
    let node = Node::start(place.open()?, registry, NodeOptions::default())?;
    let (watch, cpu) = (Watch::start(), cpu_us());
    crowd::start(&node, "receiver", pairs, &each.to_string()).await?;
    crowd::start(&node, "sender", pairs, &each.to_string()).await?;
    crowd::until_none(&node, &[Status::Running, Status::Receiving]).await?;
    let (seconds, cpu) = (watch.seconds(), cpu_us() - cpu);
    let failed = Listing { statuses: vec![Status::Failed], limit: 1, ..Listing::default() };
    ensure!(node.list(failed).await?.is_empty(), "a message was lost or came twice");
    let store = node.health().store;
    node.stop(Duration::from_secs(1)).await;
    // With the answer to every tenth.
    let messages = (pairs as u64 * (each + each / WINDOW)) as f64;
    Ok(object(json!({
        "bench": "messages",
        "store": store,
        "pairs": pairs,
        "messages": messages,
        "seconds": round(seconds),
        "per_s": round(messages / seconds),
        "cpu_us_per_message": round(cpu / messages),
    })))
}
