//! What processes that wait for a message cost in memory, and how long one of
//! them takes to wake.

use super::crowd;
use super::machine::{object, percentile, round, rss_bytes};
use super::place::Place;
use super::plan::Args;
use super::wake;
use greenroom_model::Status;
use greenroom_runtime::{Node, NodeOptions};
use serde_json::{Map, Value, json};
use std::time::Duration;

pub(super) async fn run(place: &Place, args: &Args) -> anyhow::Result<Map<String, Value>> {
    let processes = args.processes.unwrap_or(100_000);
    let (registry, mut awake) = wake::sleepers();
    let node = Node::start(place.open()?, registry, NodeOptions::default())?;
    let before = rss_bytes()?;
    crowd::start(&node, "sleeper", processes, "null").await?;
    crowd::until_none(&node, &[Status::Running]).await?;
    let after = rss_bytes()?;
    let health = node.health();
    let mut times = wake::some(&node, &mut awake, processes).await?;
    node.stop(Duration::from_secs(1)).await;
    Ok(object(json!({
        "bench": "waiting",
        "store": health.store,
        "processes": processes,
        "resident": health.resident,
        "rss_before_mb": round(before as f64 / 1e6),
        "rss_mb": round(after as f64 / 1e6),
        "bytes_per_process": round(after.saturating_sub(before) as f64 / processes as f64),
        "wake_p50_us": round(percentile(&mut times, 0.5)),
        "wake_p99_us": round(percentile(&mut times, 0.99)),
    })))
}
