//! A node with one agent, and the server of its model.

use greenroom_agent::Agent;
use greenroom_agent::models::{Models, One};
use greenroom_agent::provider::{Chat, Endpoint, Key};
use greenroom_agent::scripted::{Script, ScriptedServer};
use greenroom_runtime::journal::Memory;
use greenroom_runtime::model::budget::Budget;
use greenroom_runtime::model::{AskId, Exit, Failure, Payload, ProcessId};
use greenroom_runtime::{Node, NodeOptions, Registry, SendRequest, StartRequest};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

pub struct House {
    pub node: Node,
    store: Arc<Memory>,
    pub server: ScriptedServer,
    pub id: ProcessId,
}

impl House {
    /// An agent `one`, as `make` makes it, whose model goes by these turns.
    pub fn new(turns: Value, make: impl FnOnce(Agent) -> Agent) -> House {
        let script = Script::parse(&json!({ "turns": turns }).to_string()).unwrap();
        let server = ScriptedServer::start(script).unwrap();
        let models = models(&server);
        House::of(server, models, make)
    }

    /// The same with other models.
    pub fn of(
        server: ScriptedServer,
        models: Arc<dyn Models>,
        make: impl FnOnce(Agent) -> Agent,
    ) -> House {
        let store = Arc::new(Memory::new());
        let node = node(&store, models, make);
        House { node, store, server, id: "one/x".parse().unwrap() }
    }

    /// Another node goes on with what this one has left.
    pub async fn again(&mut self, make: impl FnOnce(Agent) -> Agent) {
        self.node.stop(Duration::from_secs(5)).await;
        self.node = node(&self.store, models(&self.server), make);
    }

    pub async fn start(&self, input: Value) {
        self.start_with(input, None).await;
    }

    /// The same with a budget.
    pub async fn start_with(&self, input: Value, budget: Option<Budget>) {
        let start = StartRequest {
            budget,
            kind: "one".into(),
            key: Some("x".into()),
            input: Payload::of(&input).unwrap(),
            by: "test".into(),
        };
        self.node.start_process(start).await.unwrap();
    }

    pub async fn exit(&self) -> Exit {
        self.node.result(&self.id, Some(Duration::from_secs(30))).await.unwrap().unwrap()
    }

    /// Its result.
    pub async fn result(&self) -> Value {
        match self.exit().await {
            Exit::Normal(result) => result.read().unwrap(),
            other => panic!("it ended {other}"),
        }
    }

    /// What it failed with.
    pub async fn failure(&self) -> Failure {
        match self.exit().await {
            Exit::Error(failure) => failure,
            other => panic!("it ended {other}"),
        }
    }

    /// Starts it and waits for its result.
    pub async fn run(&self, input: Value) -> Value {
        self.start(input).await;
        self.result().await
    }

    /// Answers the one question that is open, once there is one; gives it back.
    pub async fn answer(&self, value: Value) -> String {
        let ask = self.asked().await;
        let id = AskId { process: ask.0, op: ask.1 };
        self.node.answer(&id, Payload::of(&value).unwrap(), "test").await.unwrap();
        ask.2
    }

    async fn asked(&self) -> (ProcessId, greenroom_runtime::model::Op, String) {
        for _ in 0..600 {
            if let Some(ask) = self.node.asks(None).await.unwrap().into_iter().next() {
                return (ask.process, ask.op, ask.spec.question);
            }
            pause().await;
        }
        panic!("nothing is asked");
    }

    pub async fn say(&self, topic: &str, body: Value) {
        let body = Payload::of(&body).unwrap();
        let request = SendRequest { topic: topic.into(), body, by: "test".into() };
        self.node.send(&self.id, request).await.unwrap();
    }

    /// Waits until a state is so.
    pub async fn until(&self, key: &str, wanted: Value) {
        for _ in 0..600 {
            let state = self.node.state(&self.id).await.unwrap_or_default();
            if state
                .iter()
                .any(|row| row.key == key && row.value.read::<Value>().unwrap() == wanted)
            {
                return;
            }
            pause().await;
        }
        let state = self.node.state(&self.id).await.unwrap_or_default();
        let state: Vec<String> =
            state.iter().map(|row| format!("{} {}", row.key, row.value)).collect();
        panic!("{key} never was {wanted}: {state:#?}");
    }

    /// A state, or null.
    pub async fn state(&self, key: &str) -> Value {
        let state = self.node.state(&self.id).await.unwrap();
        let found = state.iter().find(|row| row.key == key);
        found.map(|row| row.value.read().unwrap()).unwrap_or_default()
    }

    /// The bodies of all requests, in order.
    pub fn requests(&self) -> Vec<Value> {
        self.server.requests().into_iter().map(|request| request.body).collect()
    }
}

fn models(server: &ScriptedServer) -> Arc<dyn Models> {
    let provider = Chat::new(Endpoint::new("script", server.chat_url(), Key::None));
    Arc::new(One::new("script/model", "model", Arc::new(provider)))
}

fn node(store: &Arc<Memory>, models: Arc<dyn Models>, make: impl FnOnce(Agent) -> Agent) -> Node {
    let registry = make(Agent::new("one", "You help.", models)).register(Registry::new());
    Node::start(store.clone(), registry, NodeOptions::default()).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "a test waits in real time")]
async fn pause() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}
