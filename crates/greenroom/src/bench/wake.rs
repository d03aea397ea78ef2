//! A message to one of many waiting processes: from the call of `send` until
//! the process's code runs a step because of it. Two commits lie in between,
//! the message's and the turn's.

use super::crowd;
use super::machine::{Watch, object, percentile, round};
use super::place::Place;
use super::plan::Args;
use greenroom_model::{Failure, Payload, ProcessId, Status};
use greenroom_runtime::{Ctx, Node, NodeOptions, Registry, SendRequest};
use serde_json::{Map, Value, json};
use std::time::Duration;
use tokio::sync::mpsc;

/// How many processes are sent to, one after another.
const MESSAGES: usize = 1_000;

/// A kind that waits for a message, and what hears when one is awake.
pub(super) fn sleepers() -> (Registry, mpsc::UnboundedReceiver<()>) {
    let (woken, awake) = mpsc::unbounded_channel();
    let registry = Registry::new().kind("sleeper", move |ctx: Ctx, _: ()| {
        let woken = woken.clone();
        async move {
            ctx.recv().topic("go").await?;
            ctx.step("wake", move |_| {
                let _ = woken.send(());
                async { Ok::<(), Failure>(()) }
            })
            .await
        }
    });
    (registry, awake)
}

/// Wakes some of so many sleepers, spread over all, so that most are not in
/// memory. Gives the microseconds each took.
pub(super) async fn some(
    node: &Node,
    awake: &mut mpsc::UnboundedReceiver<()>,
    processes: usize,
) -> anyhow::Result<Vec<f64>> {
    let messages = MESSAGES.min(processes);
    let mut times = Vec::with_capacity(messages);
    for n in 0..messages {
        let key = (n * 7_919 % processes).to_string();
        let id = ProcessId::new("sleeper", &key)?;
        let request =
            SendRequest { topic: "go".to_owned(), body: Payload::null(), by: "bench".to_owned() };
        let watch = Watch::start();
        if node.send(&id, request).await.is_ok() {
            awake.recv().await;
            times.push(watch.micros());
        }
    }
    Ok(times)
}

pub(super) async fn run(place: &Place, args: &Args) -> anyhow::Result<Map<String, Value>> {
    let processes = args.processes.unwrap_or(100_000);
    let (registry, mut awake) = sleepers();
    let node = Node::start(place.open()?, registry, NodeOptions::default())?;
    crowd::start(&node, "sleeper", processes, "null").await?;
    crowd::until_none(&node, &[Status::Running]).await?;
    let mut times = some(&node, &mut awake, processes).await?;
    let store = node.health().store;
    node.stop(Duration::from_secs(1)).await;
    Ok(object(json!({
        "bench": "wake",
        "store": store,
        "processes": processes,
        "messages": times.len(),
        "p50_us": round(percentile(&mut times, 0.5)),
        "p99_us": round(percentile(&mut times, 0.99)),
    })))
}
