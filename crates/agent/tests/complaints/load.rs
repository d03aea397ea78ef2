//! Many agents and one model that lets only so many requests in.

use crate::house::House;
use greenroom_agent::Agent;
use greenroom_agent::provider::{Catalog, ModelsConfig};
use greenroom_agent::scripted::{Outcome, Script, ScriptedServer};
use greenroom_runtime::Registry;
use greenroom_runtime::StartRequest;
use greenroom_runtime::model::queue::QueueView;
use greenroom_runtime::model::{Payload, ProcessId};
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn limited_server() -> ScriptedServer {
    let script = json!({
        "turns": [{"when": {}, "say": "done"}],
        "delay_ms": 300,
        "rate": {"per_second": 20.0},
    });
    ScriptedServer::start(Script::parse(&script.to_string()).unwrap()).unwrap()
}

/// The models of `greenroom.toml`, with a queue as people would declare it.
fn catalog(server: &ScriptedServer, queue: &str) -> Arc<Catalog> {
    let config = format!(
        "[providers.acme]\nprotocol = \"chat\"\nurl = \"{}\"\n{queue}\n[models]\n\
         big = \"acme/big\"\nsmall = \"acme/small\"\n",
        server.chat_url()
    );
    Arc::new(Catalog::new(ModelsConfig::from_toml(&config).unwrap()).unwrap())
}

fn house(models: &Arc<Catalog>) -> House {
    let agent = |name: &str| {
        Agent::new(name, "You answer.", models.clone())
            .with(|definition| definition.model = Some(name.to_owned()))
    };
    House::new(agent("small").register(agent("big").register(Registry::new())))
}

async fn start(house: &House, kind: &str, count: usize) -> Vec<ProcessId> {
    let mut ids = Vec::new();
    for n in 0..count {
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

#[tokio::test(flavor = "multi_thread")]
async fn sixty_agents_keep_to_a_rate_without_a_storm_and_in_equal_shares() {
    let server = limited_server();
    let models = catalog(&server, "queue = \"acme\"\n[queues.acme]\nrate = \"20/s\"");
    let house = house(&models);
    let began = Instant::now();
    let mut ids = start(&house, "big", 50).await;
    ids.extend(start(&house, "small", 10).await);
    for id in &ids {
        assert_eq!(house.result(id).await, "done");
    }
    let took = began.elapsed();
    assert!(took < Duration::from_millis(4_500), "60 at 20 in a second took {took:?}");
    let requests = server.requests();
    let limited = requests.iter().filter(|request| request.outcome == Outcome::Limited).count();
    assert!(limited * 20 < requests.len(), "{limited} of {} were too many", requests.len());
    // Ten of fifty-first in the line, yet not behind all of them.
    let last = requests.iter().rposition(|request| request.model == "small").unwrap();
    assert!(last < 40, "the small tenant's last call was number {last} of 60");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_without_a_declared_queue_has_one_that_backs_off() {
    let server = limited_server();
    let house = house(&catalog(&server, ""));
    assert!(queue(&house, "model.acme").limit.is_some());
    let ids = start(&house, "big", 60).await;
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
