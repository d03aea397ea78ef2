//! Throughput: many processes, each a chain of trivial steps.

use super::crowd;
use super::machine::{Watch, cpu_us, object, round};
use super::place::Place;
use super::plan::Args;
use greenroom_model::{Failure, Status};
use greenroom_runtime::{Ctx, Node, NodeOptions, Registry};
use serde_json::{Map, Value, json};
use std::time::Duration;

pub(super) async fn chain(ctx: Ctx, steps: u64) -> Result<u64, Failure> {
    let mut last = 0;
    for n in 0..steps {
        last = ctx.step("add", move |_| async move { Ok::<u64, Failure>(n) }).await?;
    }
    Ok(last)
}

pub(super) async fn run(place: &Place, args: &Args) -> anyhow::Result<Map<String, Value>> {
    let processes = args.processes.unwrap_or(1_000);
    let steps = args.steps.unwrap_or(10);
    let registry = Registry::new().kind("chain", chain);
    let node = Node::start(place.open()?, registry, NodeOptions::default())?;
    let (watch, cpu) = (Watch::start(), cpu_us());
    crowd::start(&node, "chain", processes, &steps.to_string()).await?;
    crowd::until_none(&node, &[Status::Running]).await?;
    let (seconds, cpu) = (watch.seconds(), cpu_us() - cpu);
    let store = node.health().store;
    node.stop(Duration::from_secs(1)).await;
    let done = (processes as u64 * steps) as f64;
    // A step is two events; a process has two more, its start and its end.
    let events = done * 2.0 + processes as f64 * 2.0;
    let figures = json!({
        "bench": "steps",
        "store": store,
        "processes": processes,
        "steps": steps,
        "seconds": round(seconds),
        "steps_per_s": round(done / seconds),
        "cpu_us_per_step": round(cpu / done),
        "events_per_s": round(events / seconds),
    });
    Ok(object(figures))
}
