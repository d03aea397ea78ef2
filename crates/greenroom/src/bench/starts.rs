//! Starting processes from outside: how many are durable in a second.

use super::crowd;
use super::machine::{Watch, cpu_us, object, round};
use super::place::Place;
use super::plan::Args;
use greenroom_model::{Failure, Status};
use greenroom_runtime::{Ctx, Node, NodeOptions, Registry};
use serde_json::{Map, Value, json};
use std::time::Duration;

async fn noop(_: Ctx, _: ()) -> Result<(), Failure> {
    Ok(())
}

pub(super) async fn run(place: &Place, args: &Args) -> anyhow::Result<Map<String, Value>> {
    let processes = args.processes.unwrap_or(50_000);
    let node =
        Node::start(place.open()?, Registry::new().kind("noop", noop), NodeOptions::default())?;
    let (watch, cpu) = (Watch::start(), cpu_us());
    crowd::start(&node, "noop", processes, "null").await?;
    let started = watch.seconds();
    crowd::until_none(&node, &[Status::Running]).await?;
    let ended = watch.seconds();
    let cpu = cpu_us() - cpu;
    let store = node.health().store;
    node.stop(Duration::from_secs(1)).await;
    let count = processes as f64;
    Ok(object(json!({
        "bench": "starts",
        "store": store,
        "processes": processes,
        "starts_per_s": round(count / started),
        "start_to_end_per_s": round(count / ended),
        "cpu_us_per_process": round(cpu / count),
    })))
}
