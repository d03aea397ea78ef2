//! An agent that talks, on a node whose journal is in SQLite.

use crate::line::Line;
use crate::support::eventually;
use greenroom_agent::Agent;
use greenroom_agent::provider::{Catalog, ModelsConfig};
use greenroom_agent::tool::Tool;
use greenroom_runtime::journal::{Memory, Sqlite, SqliteOptions};
use greenroom_runtime::model::{Failure, Payload, ProcessId};
use greenroom_runtime::{Node, NodeOptions, Registry, SendRequest, StartRequest, Step};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Place {
    city: String,
}

/// An agent whose model is this server, and the folder of its journal.
pub struct House {
    pub line: Line,
    registry: Registry,
    dir: tempfile::TempDir,
    pub node: Node,
}

impl House {
    /// With what the configuration says of models, and room for so many tokens.
    pub async fn new(line: Line, config: &str, context: u64) -> House {
        let models = Catalog::new(ModelsConfig::from_toml(config).unwrap()).unwrap();
        let weather = |_: Step, place: Place| async move {
            Ok::<_, Failure>(format!("rain in {} {}", place.city, "and so on ".repeat(200)))
        };
        let agent = Agent::new("guide", "You are brief.", Arc::new(models))
            .with(|definition| definition.limits.context = context)
            .tool(Tool::function("weather", "The weather in a city.", weather));
        let registry = agent.register(Registry::new());
        let dir = tempfile::tempdir().unwrap();
        let node = opened(dir.path().join("store.db"), &registry).await;
        House { line, registry, dir, node }
    }

    /// The node ends as in a crash; another one opens this journal.
    pub async fn reopen(&mut self, file: &str) {
        self.node.stop(Duration::ZERO).await;
        // The store is let go with the last that holds the node.
        let away = Node::start(Arc::new(Memory::new()), Registry::new(), NodeOptions::default());
        self.node = away.unwrap();
        self.node = opened(self.dir.path().join(file), &self.registry).await;
    }

    pub async fn send(&self, id: &ProcessId, topic: &str, body: Value) {
        let body = Payload::of(&body).unwrap();
        let request = SendRequest { topic: topic.into(), body, by: "test".into() };
        self.node.send(id, request).await.unwrap();
    }

    /// Says something; the request that it makes, once it was answered.
    pub async fn say(&self, id: &ProcessId, words: &str) -> String {
        let before = self.line.bodies().len();
        self.send(id, "say", json!(words)).await;
        eventually(|| self.line.bodies().len() > before).await;
        self.listens(id).await;
        self.line.bodies().pop().unwrap()
    }

    pub async fn listens(&self, id: &ProcessId) {
        self.until(id, |key, value| key == "status" && value == "listening").await;
    }

    pub async fn until(&self, id: &ProcessId, is_so: impl Fn(&str, &Value) -> bool) {
        for _ in 0..1_000 {
            let state = self.node.state(id).await.unwrap();
            if state.iter().any(|row| is_so(&row.key, &row.value.read::<Value>().unwrap())) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("it has not come to pass; {:?}", self.node.state(id).await.unwrap());
    }

    /// Asks something that wants a tool.
    pub async fn begin(&self) -> ProcessId {
        let id = self.start().await;
        eventually(|| self.line.bodies().len() == 2).await;
        self.listens(&id).await;
        id
    }

    pub async fn start(&self) -> ProcessId {
        let request = StartRequest {
            budget: None,
            kind: "guide".into(),
            key: Some("one".into()),
            input: Payload::of(&json!({"task": "What is the weather in Oslo?", "chat": true}))
                .unwrap(),
            by: "test".into(),
        };
        self.node.start_process(request).await.unwrap().id
    }
}

async fn opened(file: PathBuf, registry: &Registry) -> Node {
    for _ in 0..100 {
        let store = Sqlite::open(&file, SqliteOptions::default());
        let node = store.ok().and_then(|store| {
            Node::start(Arc::new(store), registry.clone(), NodeOptions::default()).ok()
        });
        if let Some(node) = node {
            return node;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no node starts");
}
