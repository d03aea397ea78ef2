//! A node with agents whose model is a scripted server, and which can be restarted.

use greenroom_agent::models::{Models, One};
use greenroom_agent::provider::{Anthropic, Chat, Endpoint, Key};
use greenroom_agent::scripted::{Script, ScriptedServer};
use greenroom_model::{AskId, Exit, Payload, ProcessId, Status};
use greenroom_runtime::journal::{AskRow, Listing, Memory};
use greenroom_runtime::model::budget::Budget;
use greenroom_runtime::{Node, NodeOptions, Registry, SendRequest, StartRequest};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

pub struct House {
    pub node: Node,
    store: Memory,
    registry: Registry,
}

/// A server with these turns.
pub fn server(turns: &Value) -> Arc<ScriptedServer> {
    let script = Script::parse(&json!({ "turns": turns }).to_string()).unwrap();
    Arc::new(ScriptedServer::start(script).unwrap())
}

/// Its models, by Chat Completions.
pub fn models(server: &ScriptedServer) -> Arc<dyn Models> {
    let provider = Chat::new(Endpoint::new("script", server.chat_url(), Key::None));
    Arc::new(One::new("script/model", "model", Arc::new(provider)))
}

/// Its models, by Anthropic's Messages.
pub fn anthropic(server: &ScriptedServer) -> Arc<dyn Models> {
    let provider = Anthropic::new(Endpoint::new("script", server.url(), Key::None));
    Arc::new(One::new("script/model", "model", Arc::new(provider)))
}

impl House {
    pub fn new(registry: Registry) -> House {
        let store = Memory::new();
        let node = begin(&store, &registry);
        House { node, store, registry }
    }

    /// Ends the node as a crash does, and starts another on what it has left.
    pub async fn restart(&mut self) {
        self.node.stop(Duration::ZERO).await;
        self.node = begin(&self.store, &self.registry);
    }

    pub async fn start(&self, kind: &str, input: &Value) -> ProcessId {
        self.start_with(kind, input, None).await
    }

    pub async fn start_with(&self, kind: &str, input: &Value, budget: Option<Budget>) -> ProcessId {
        let request = StartRequest {
            budget,
            kind: kind.into(),
            key: Some("one".into()),
            input: Payload::of(input).unwrap(),
            by: "test".into(),
        };
        self.node.start_process(request).await.unwrap().id
    }

    pub async fn exit(&self, id: &ProcessId) -> Exit {
        let exit = self.node.result(id, Some(Duration::from_secs(60))).await.unwrap();
        exit.unwrap_or_else(|| panic!("{id} has not ended"))
    }

    /// Its result.
    pub async fn result(&self, id: &ProcessId) -> Value {
        match self.exit(id).await {
            Exit::Normal(result) => result.read().unwrap(),
            other => panic!("{id} ended {other}"),
        }
    }

    /// Waits for this result of one that had ended and was restarted.
    pub async fn until_result(&self, id: &ProcessId, result: &Value) {
        for _ in 0..1_000 {
            match self.exit(id).await {
                Exit::Normal(is) if is.read::<Value>().unwrap() == *result => return,
                _ => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
        panic!("{id} never came to {result}");
    }

    pub async fn say(&self, id: &ProcessId, words: &str) {
        let body = Payload::of(&words).unwrap();
        let request = SendRequest { topic: "say".into(), body, by: "test".into() };
        self.node.send(id, request).await.unwrap();
    }

    /// The open questions, once there are so many.
    pub async fn asks(&self, count: usize) -> Vec<AskRow> {
        for _ in 0..2_000 {
            let asks = self.node.asks(None).await.unwrap();
            if asks.len() == count {
                return asks;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{count} questions never stood open: {:?}", self.node.asks(None).await.unwrap());
    }

    pub async fn answer(&self, ask: &AskRow, value: Value) {
        let id = AskId { process: ask.process.clone(), op: ask.op };
        self.node.answer(&id, Payload::of(&value).unwrap(), "test").await.unwrap();
    }

    /// Waits until a state entry is this.
    pub async fn await_state(&self, id: &ProcessId, key: &str, value: &Value) {
        for _ in 0..2_000 {
            let state = self.node.state(id).await.unwrap();
            if state
                .iter()
                .any(|row| row.key == key && row.value.read::<Value>().unwrap() == *value)
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{key} of {id} never is {value}");
    }

    /// How many processes have this status.
    pub async fn in_status(&self, status: Status) -> usize {
        let listing = Listing { limit: 1_000, ..Listing::default() };
        let all = self.node.list(listing).await.unwrap();
        all.iter().filter(|row| row.status == status).count()
    }

    /// How many processes of this kind there are.
    pub async fn count(&self, kind: &str) -> usize {
        let listing = Listing { limit: 1_000, ..Listing::default() };
        let all = self.node.list(listing).await.unwrap();
        all.iter().filter(|row| *row.kind.name == *kind).count()
    }
}

fn begin(store: &Memory, registry: &Registry) -> Node {
    Node::start(Arc::new(store.clone()), registry.clone(), NodeOptions::default()).unwrap()
}

/// Waits until it is so.
pub async fn until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..2_000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}

/// What the model was told last by this role, in the last request.
pub fn told(server: &ScriptedServer, role: &str) -> Vec<Value> {
    let requests = server.requests();
    let messages = requests.last().unwrap().body["messages"].as_array().unwrap().clone();
    messages.into_iter().filter(|message| message["role"] == role).collect()
}
