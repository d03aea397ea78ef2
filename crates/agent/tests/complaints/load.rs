//! Many agents and one model that lets only so many requests in.

use crate::house::{House, until};
use greenroom_agent::Agent;
use greenroom_agent::provider::{Catalog, ModelsConfig};
use greenroom_agent::scripted::{Outcome, Recorded, Script, ScriptedServer};
use greenroom_runtime::Registry;
use greenroom_runtime::StartRequest;
use greenroom_runtime::model::queue::QueueView;
use greenroom_runtime::model::{Payload, ProcessId};
use serde_json::json;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// One that answers after so long and lets so many in, in a second.
fn limited_server(delay_ms: u64, per_second: usize) -> ScriptedServer {
    let script = json!({
        "turns": [{"when": {}, "say": "done"}],
        "delay_ms": delay_ms,
        "rate": {"per_second": per_second},
    });
    ScriptedServer::start(Script::parse(&script.to_string()).unwrap()).unwrap()
}

/// The models of `greenroom.toml`, with a queue as people would declare it.
fn catalog(server: &ScriptedServer, queue: &str) -> Arc<Catalog> {
    let models: String =
        TENANTS.iter().map(|(name, _)| format!("{name} = \"acme/{name}\"\n")).collect();
    let config = format!(
        "[providers.acme]\nprotocol = \"chat\"\nurl = \"{}\"\n{queue}\n[models]\n{models}",
        server.chat_url()
    );
    Arc::new(Catalog::new(ModelsConfig::from_toml(&config).unwrap()).unwrap())
}

/// A node with an agent for each tenant, and a model that is named after it.
fn house(models: &Arc<Catalog>) -> House {
    let registry = TENANTS.iter().fold(Registry::new(), |registry, (name, _)| {
        let agent = Agent::new(name, "You answer.", models.clone());
        agent.with(|definition| definition.model = Some((*name).to_owned())).register(registry)
    });
    House::new(registry)
}

async fn start(house: &House, kind: &str, numbers: Range<usize>) -> Vec<ProcessId> {
    let mut ids = Vec::new();
    for n in numbers {
        let request = StartRequest {
            budget: None,
            kind: kind.into(),
            key: Some(n.to_string()),
            input: Payload::of(&"go").unwrap(),
            by: "test".into(),
        };
        ids.push(house.node.start_process(request).await.unwrap().id);
    }
    ids
}

fn queue(house: &House, name: &str) -> QueueView {
    house.node.queues().into_iter().find(|queue| queue.name == name).unwrap()
}

/// What this process has in memory, in bytes.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// How many requests of each tenant are among these.
fn shares(requests: &[Recorded]) -> BTreeMap<&str, usize> {
    let mut shares = BTreeMap::new();
    for request in requests {
        *shares.entry(request.model.as_str()).or_insert(0) += 1;
    }
    shares
}

/// So many agents of each tenant: one has far more than the others together.
const TENANTS: [(&str, usize); 4] = [("big", 1_400), ("a", 200), ("b", 200), ("c", 200)];

/// What the account lets in, in a second.
const RATE: usize = 60;

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_agents_keep_to_a_rate_without_a_storm_in_flat_memory_and_equal_shares() {
    let server = limited_server(5_000, RATE);
    let declared = format!("queue = \"acme\"\n[queues.acme]\nrate = \"{RATE}/s\"");
    let house = house(&catalog(&server, &declared));
    let before = memory();
    let mut ids = Vec::new();
    let [(big, many), few @ ..] = TENANTS;
    ids.extend(start(&house, big, 0..many).await);
    for from in (0..few[0].1).step_by(20) {
        for (tenant, _) in few {
            ids.extend(start(&house, tenant, from..from + 20).await);
        }
    }
    // All of them are there: what each holds is held, and the shares are told by what comes now.
    let all = ids.len();
    let stands = || queue(&house, "acme").waiting as u64 + server.count() >= all as u64;
    until("all have asked", stands).await;
    let (begun, full) = (requests_of(&server), memory());
    let mut most = full;
    while served(&server) < all {
        most = most.max(memory());
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    for id in &ids {
        assert_eq!(house.result(id).await, "done");
    }
    let requests = server.requests();

    // No storm: hardly any is refused, and none is asked for twice.
    let is_limited = |request: &&Recorded| request.outcome == Outcome::Limited;
    let limited = requests.iter().filter(is_limited).count();
    assert!(limited * 50 < all, "{limited} of {} were refused", requests.len());
    assert!(server.served_by_key().values().all(|times| *times == 1));
    assert_eq!(server.served_by_key().len(), all);

    // The throughput stays at the limit, by the server's own clock, from when all stood in line
    // to the last: never above it, as the refused show, and not far below.
    let (first, last) = (requests[begun].at_ms, requests[requests.len() - 1].at_ms);
    let per_second = (requests.len() - begun) as f64 * 1_000.0 / (last - first) as f64;
    let limit = RATE as f64;
    assert!(per_second > limit * 0.7, "{per_second:.1} a second, where {limit} are let in");
    assert!(server.open_peak() > 3 * RATE, "{} at once", server.open_peak());

    // Memory is flat: what two thousand need at once is all that is ever needed.
    let mib = |bytes: u64| bytes >> 20;
    let all_of_them = mib(full.saturating_sub(before));
    assert!(all_of_them < 300, "{all_of_them} MiB for all of them");
    let grown = mib(most.saturating_sub(full));
    assert!(grown < 64, "{all_of_them} MiB for all of them, and then {grown} more");

    // Those who are few get as much as the one with many, while they have something to ask.
    let shares = shares(&requests[begun..begun + 200]);
    assert!(
        TENANTS.iter().all(|(tenant, _)| shares.get(tenant).is_some_and(|n| (40..=60).contains(n))),
        "of the first 200 after all had asked: {shares:?}"
    );
}

fn requests_of(server: &ScriptedServer) -> usize {
    server.requests().len()
}

fn served(server: &ScriptedServer) -> usize {
    server.served_by_key().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_without_a_declared_queue_has_one_that_backs_off() {
    let server = limited_server(300, 20);
    let house = house(&catalog(&server, ""));
    assert!(queue(&house, "model.acme").limit.is_some());
    let ids = start(&house, "big", 0..60).await;
    for id in &ids {
        assert_eq!(house.result(id).await, "done");
    }
    assert!(server.count() < 120, "{} requests for 60 answers", server.count());
    assert!(server.open_peak() <= 60);
}

#[test]
fn a_queue_that_cannot_be_is_refused_with_what_to_say() {
    let refused = |text: &str| ModelsConfig::from_toml(text).unwrap_err();
    assert!(refused("[queues.a]\nrate = \"50\"").contains("as in `50/s`"));
    assert!(refused("[queues.a]\nrate = \"0/s\"").contains("would let no step begin"));
    assert!(refused("[queues.a]\nburst = 5").contains("give it one"));
    assert!(refused("[queues.a]\nconcurrency = 4\nadaptive = [1, 8]").contains("one of the two"));
    assert!(refused("[queues.\"a/b\"]\nconcurrency = 4").contains("cannot be a queue's name"));
    assert!(refused("[queues.a]\nspeed = 4").contains("speed"));
}
