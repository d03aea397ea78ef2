//! What processes that wait for a message cost in memory.

use super::crowd;
use super::machine::{object, round, rss_bytes};
use super::place::Place;
use super::plan::Args;
use greenroom_model::{Failure, Status};
use greenroom_runtime::{Ctx, Node, NodeOptions, Registry};
use serde_json::{Map, Value, json};
use std::time::Duration;

async fn waiter(ctx: Ctx, _: ()) -> Result<(), Failure> {
    ctx.recv().topic("go").await?;
    Ok(())
}

pub(super) async fn run(place: &Place, args: &Args) -> anyhow::Result<Map<String, Value>> {
    let processes = args.processes.unwrap_or(100_000);
    let registry = Registry::new().kind("waiter", waiter);
    let node = Node::start(place.open()?, registry, NodeOptions::default())?;
    let before = rss_bytes()?;
    crowd::start(&node, "waiter", processes, "null").await?;
    crowd::until_none(&node, &[Status::Running]).await?;
    let after = rss_bytes()?;
    let health = node.health();
    node.stop(Duration::from_secs(1)).await;
    Ok(object(json!({
        "bench": "waiting",
        "store": health.store,
        "processes": processes,
        "resident": health.resident,
        "rss_before_mb": round(before as f64 / 1e6),
        "rss_mb": round(after as f64 / 1e6),
        "bytes_per_process": round(after.saturating_sub(before) as f64 / processes as f64),
    })))
}
