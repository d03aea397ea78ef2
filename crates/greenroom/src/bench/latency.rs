//! What one step waits for: a process whose steps come one after another, next
//! to the disk's own fdatasync in the same run.

use super::machine::{Watch, fdatasyncs, object, percentile, round};
use super::place::Place;
use super::plan::Args;
use greenroom_model::{Failure, Payload};
use greenroom_runtime::{Ctx, Node, NodeOptions, Registry, StartRequest};
use serde_json::{Map, Value, json};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Between the rounds the disk is measured, so that both see the same noise.
const ROUNDS: usize = 10;

pub(super) async fn run(place: &Place, args: &Args) -> anyhow::Result<Map<String, Value>> {
    let steps = args.steps.unwrap_or(2_000);
    let each = (steps as usize / ROUNDS).max(1);
    let begun: Arc<Mutex<Vec<Watch>>> = Arc::default();
    let recorder = begun.clone();
    let registry = Registry::new().kind("sequence", move |ctx: Ctx, steps: u64| {
        let recorder = recorder.clone();
        async move {
            for _ in 0..steps {
                let recorder = recorder.clone();
                ctx.step("tick", move |_| {
                    recorder.lock().unwrap_or_else(PoisonError::into_inner).push(Watch::start());
                    async { Ok::<(), Failure>(()) }
                })
                .await?;
            }
            Ok::<(), Failure>(())
        }
    });
    let node = Node::start(place.open()?, registry, NodeOptions::default())?;
    let (mut waits, mut syncs) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        begun.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let request = StartRequest {
            budget: None,
            kind: "sequence".to_owned(),
            key: Some(round.to_string()),
            input: Payload::parse(&each.to_string())?,
            by: "bench".to_owned(),
        };
        let started = node.start_process(request).await?;
        node.result(&started.id, Some(Duration::from_secs(600))).await?;
        let round_syncs = fdatasyncs(place.directory(), each)?;
        // The first round grows the store's files.
        if round > 0 {
            let times = begun.lock().unwrap_or_else(PoisonError::into_inner).clone();
            waits.extend(times.windows(2).map(|pair| pair[0].micros() - pair[1].micros()));
            syncs.extend(round_syncs);
        }
    }
    let store = node.health().store;
    node.stop(Duration::from_secs(1)).await;
    let (p50, sync_p50) = (percentile(&mut waits, 0.5), percentile(&mut syncs, 0.5));
    Ok(object(json!({
        "bench": "latency",
        "store": store,
        "steps": waits.len(),
        "p50_us": round(p50),
        "p99_us": round(percentile(&mut waits, 0.99)),
        "fdatasync_p50_us": round(sync_p50),
        "fdatasync_p99_us": round(percentile(&mut syncs, 0.99)),
        "ratio_p50": round(p50 / sync_p50.max(1.0)),
    })))
}
