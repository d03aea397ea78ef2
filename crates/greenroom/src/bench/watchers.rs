//! An agent's words as they come, told to many who watch over the node's API.

use super::crowd;
use super::machine::{Watch, cpu_us, object, round};
use super::model_server::ModelServer;
use super::place::Place;
use super::plan::Args;
use futures_util::future::try_join_all;
use greenroom_agent::{Agent, Live};
use greenroom_api::{Client, Seen};
use greenroom_model::{Payload, ProcessId, Seq};
use greenroom_runtime::{Node, NodeOptions, RealEnv, Registry, StartRequest};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Duration;

pub(super) async fn run(place: &Place, args: &Args) -> anyhow::Result<Map<String, Value>> {
    let watchers = args.processes.unwrap_or(100);
    let tokens = args.tokens.unwrap_or(5_000);
    // The words begin when all are listening.
    let given = Args { latency: Some(2_000), tokens: Some(tokens), ..args.clone() };
    let server = ModelServer::start(&given)?;
    let agent = Agent::new("speaker", "You speak.", Arc::new(server.model("model")));
    let node = Node::start(place.open()?, agent.register(Registry::new()), NodeOptions::default())?;
    let socket = place.directory().join("node.sock");
    let env = Arc::new(RealEnv::new(tokio::runtime::Handle::current()));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let api = greenroom_api::bind(&socket).await?;
    let serving = crowd::beside(api.run(node.clone(), env, async {
        let _ = stopped.await;
    }));
    let (kind, by, key) = ("speaker".to_owned(), "bench".to_owned(), Some("one".to_owned()));
    let request = StartRequest { budget: None, kind, key, input: Payload::of(&"go")?, by };
    let id = node.start_process(request).await?.id;
    let cpu = cpu_us();
    let seen = try_join_all((0..watchers).map(|_| listen(&socket, &id))).await?;
    let cpu = cpu_us() - cpu;
    let _ = stop.send(());
    let _ = serving.await;
    node.stop(Duration::from_secs(1)).await;
    server.stop()?;
    let told: u64 = seen.iter().map(|(told, _)| told).sum();
    let seconds = seen.iter().map(|(_, seconds)| *seconds).fold(0.0, f64::max);
    let (told, all) = (told as f64, (tokens * watchers as u64) as f64);
    Ok(object(json!({
        "bench": "watchers",
        "watchers": watchers,
        "tokens": tokens,
        "tokens_told_per_s": round(told / seconds),
        "tokens_per_s": round(told / seconds / watchers as f64),
        "told_of_all": round(told / all),
        "cpu_us_per_token_told": round(cpu / told),
    })))
}

/// How many tokens one has seen, and in how many seconds from the first on.
async fn listen(socket: &std::path::Path, id: &ProcessId) -> anyhow::Result<(u64, f64)> {
    let client = Client::new(socket)?;
    let mut events = client.events(id, Seq(0)).await?;
    let (mut told, mut watch) = (0, None);
    while let Some(seen) = events.next().await? {
        match seen {
            Seen::Emitted(value) => {
                if matches!(value.read::<Live>(), Ok(Live::Reply { .. })) {
                    watch.get_or_insert_with(Watch::start);
                    told += 1;
                }
            }
            Seen::Ended(_) => break,
            Seen::Turn(_) => {}
        }
    }
    Ok((told, watch.map_or(0.0, Watch::seconds)))
}
