//! Running code against its journal: read from the store, checked, decoded,
//! replayed.

use super::machine::{Watch, object, percentile, round};
use super::place::Place;
use super::plan::Args;
use super::steps::chain;
use anyhow::ensure;
use greenroom_model::Payload;
use greenroom_runtime::{Node, NodeOptions, Registry, StartRequest};
use serde_json::{Map, Value, json};
use std::time::Duration;

const ROUNDS: usize = 100;

pub(super) async fn run(place: &Place, args: &Args) -> anyhow::Result<Map<String, Value>> {
    let events = args.events.unwrap_or(10_000);
    let registry = Registry::new().kind("chain", chain);
    let node = Node::start(place.open()?, registry, NodeOptions::default())?;
    let request = StartRequest {
        budget: None,
        kind: "chain".to_owned(),
        key: Some("long".to_owned()),
        input: Payload::parse(&(events / 2).to_string())?,
        by: "bench".to_owned(),
    };
    let started = node.start_process(request).await?;
    node.result(&started.id, Some(Duration::from_secs(600))).await?;
    let (mut times, mut replayed) = (Vec::new(), 0);
    for _ in 0..ROUNDS {
        let watch = Watch::start();
        let rehearsal = node.rehearse(&started.id).await?;
        times.push(watch.seconds());
        ensure!(rehearsal.divergence.is_none(), "the bench's own code has diverged");
        replayed = rehearsal.events;
    }
    let store = node.health().store;
    node.stop(Duration::from_secs(1)).await;
    let median = percentile(&mut times, 0.5);
    Ok(object(json!({
        "bench": "replay",
        "store": store,
        "events": replayed,
        "ms": round(median * 1000.0),
        "events_per_s": round(replayed as f64 / median),
    })))
}
