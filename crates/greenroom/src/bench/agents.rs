//! Many agents at once, each with a call of a model that takes its time.

use super::crowd;
use super::machine::{Watch, cpu_us, object, round, rss_bytes};
use super::model_server::ModelServer;
use super::place::Place;
use super::plan::Args;
use greenroom_agent::Agent;
use greenroom_model::Status;
use greenroom_model::queue::QueueSpec;
use greenroom_runtime::{Node, NodeOptions, Registry};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Duration;

/// The tenants, and how much of the agents each has, in percent.
const TENANTS: [(&str, usize); 4] = [("big", 70), ("a", 10), ("b", 10), ("c", 10)];

const QUEUE: &str = "model.script";

pub(super) async fn run(place: &Place, args: &Args) -> anyhow::Result<Map<String, Value>> {
    let agents = args.processes.unwrap_or(10_000);
    let latency = args.latency.unwrap_or(5_000);
    let server = ModelServer::start(&Args { latency: Some(latency), ..args.clone() })?;
    let mut registry = Registry::new();
    for (tenant, _) in TENANTS {
        let mut model = server.model(tenant);
        if let Some(rate) = args.rate {
            model = model.queue(QueueSpec::new(QUEUE).rate(rate, Duration::from_secs(1)));
        }
        registry = Agent::new(tenant, "You answer.", Arc::new(model)).register(registry);
    }
    let node = Node::start(place.open()?, registry, NodeOptions::default())?;
    let (before, cpu, watch) = (rss_bytes()?, cpu_us(), Watch::start());
    let mut started = 0;
    for (tenant, percent) in TENANTS {
        let count = agents * percent / 100;
        started += count;
        crowd::start(&node, tenant, count, "\"go\"").await?;
    }
    let start_s = watch.seconds();
    let mut rss = Vec::new();
    let statuses = [Status::Running, Status::Blocked, Status::Sleeping];
    loop {
        rss.push(rss_bytes()?);
        let over = crowd::until_none(&node, &statuses);
        if crowd::within(Duration::from_millis(500), over).await?.is_some() {
            break;
        }
    }
    let (seconds, cpu) = (watch.seconds(), cpu_us() - cpu);
    node.stop(Duration::from_secs(1)).await;
    let seen = server.stop()?;
    let (requests, limited) = (number(&seen["requests"]), number(&seen["limited"]));
    let peak = rss.iter().max().copied().unwrap_or(0);
    let mut figures = object(json!({
        "bench": "agents",
        "agents": started,
        "latency_ms": latency,
        "start_s": round(start_s),
        "seconds": round(seconds),
        "concurrent": seen["open_peak"],
        "answers_per_s": round((requests - limited) / seconds),
        "rss_mb": round(peak as f64 / 1e6),
        "rss_kib_per_agent": round(peak.saturating_sub(before) as f64 / 1024.0 / started as f64),
        "cpu_ms_per_agent": round(cpu / 1e3 / started as f64),
        "cpu_cores": round(cpu / 1e6 / seconds),
    }));
    if let Some(rate) = args.rate {
        // Of the time after the first answer could be there.
        let of_rate = (requests - limited) / seconds / f64::from(rate);
        let shares: Vec<f64> =
            TENANTS.iter().map(|(t, _)| number(&seen["first_quarter"][*t])).collect();
        let least = shares.iter().copied().fold(f64::INFINITY, f64::min);
        let most = shares.iter().copied().fold(1.0, f64::max);
        let late = rss.iter().skip(rss.len() / 4);
        let (low, high) = (late.clone().min(), late.max());
        let growth = high.zip(low).map_or(1.0, |(high, low)| *high as f64 / *low as f64);
        figures.insert("rate_per_s".into(), json!(rate));
        figures.insert("of_rate".into(), json!(round(of_rate)));
        figures.insert("limited_429".into(), json!(round(limited / requests)));
        figures.insert("tenant_share_least_to_most".into(), json!(round(least / most)));
        figures.insert("rss_high_to_low".into(), json!(round(growth)));
    }
    Ok(figures)
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(0.0)
}
