//! A node with agents, and what a person does with them.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use greenroom_agent::Agent;
use greenroom_agent::conversation::{Message, Part, Role, ToolCall};
use greenroom_agent::models::{Models, One};
use greenroom_agent::provider::{OnDelta, Provider, Reply, Request, Stop, Usage};
use greenroom_runtime::journal::Memory;
use greenroom_runtime::model::{Exit, Failure, Payload, ProcessId};
use greenroom_runtime::{Node, NodeOptions, Registry, SendRequest, StartRequest};
use serde_json::Value;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a model says to a request.
pub type Script = dyn Fn(&Request) -> Result<Vec<Part>, Failure> + Send + Sync;

/// A model that goes by a function, and keeps what it was asked.
#[derive(Clone)]
pub struct Scripted {
    script: Arc<Script>,
    pub asked: Arc<Mutex<Vec<Request>>>,
}

impl Scripted {
    pub fn new(
        script: impl Fn(&Request) -> Result<Vec<Part>, Failure> + Send + Sync + 'static,
    ) -> Scripted {
        Scripted { script: Arc::new(script), asked: Arc::default() }
    }

    pub fn models(&self) -> Arc<dyn Models> {
        Arc::new(One::new("test/model", "model", Arc::new(self.clone())))
    }

    pub fn asked(&self) -> Vec<Request> {
        self.asked.lock().expect("not poisoned").clone()
    }
}

impl Provider for Scripted {
    fn protocol(&self) -> &'static str {
        "test"
    }

    fn send<'a>(
        &'a self,
        request: &'a Request,
        _key: &'a str,
        _on_delta: OnDelta<'a>,
    ) -> BoxFuture<'a, Result<Reply, Failure>> {
        self.asked.lock().expect("not poisoned").push(request.clone());
        let content = (self.script)(request);
        async move {
            let message = Message { role: Role::Assistant, content: content?, raw: None };
            let asks = message.tool_calls().next().is_some();
            let stop = if asks { Stop::ToolCalls } else { Stop::End };
            let input = request.chars() as u64 / 4;
            let usage = Usage { input, output: 5, ..Usage::default() };
            Ok(Reply { message, stop, usage, model: "model".to_owned() })
        }
        .boxed()
    }
}

pub fn text(text: impl Into<String>) -> Part {
    Part::Text { text: text.into() }
}

pub fn call(name: &str, arguments: Value) -> Part {
    Part::ToolCall(ToolCall { id: "call-0".to_owned(), name: name.to_owned(), arguments })
}

/// What a tool has returned last, if nothing was said after it.
pub fn result(request: &Request) -> Option<&str> {
    request.messages.last()?.content.iter().find_map(|part| match part {
        Part::ToolResult(result) => Some(result.content.as_str()),
        _ => None,
    })
}

pub struct House {
    pub node: Node,
}

impl House {
    pub fn new(agent: Agent) -> House {
        House::of(agent.register(Registry::new()))
    }

    pub fn of(registry: Registry) -> House {
        let node = Node::start(Arc::new(Memory::new()), registry, NodeOptions::default());
        House { node: node.expect("starts") }
    }

    pub async fn start(&self, kind: &str, key: &str, input: Value) -> ProcessId {
        let request = StartRequest {
            budget: None,
            kind: kind.into(),
            key: Some(key.into()),
            input: Payload::of(&input).expect("json"),
            by: "test".into(),
        };
        self.node.start_process(request).await.expect("started").id
    }

    pub async fn send(&self, to: &ProcessId, topic: &str, body: Value) {
        let body = Payload::of(&body).expect("json");
        let (topic, by) = (topic.into(), "test".into());
        self.node.send(to, SendRequest { topic, body, by }).await.expect("sent");
    }

    pub async fn end(&self, id: &ProcessId) -> Result<Value, Failure> {
        let exit = self.node.result(id, Some(Duration::from_secs(40))).await.expect("read");
        match exit.expect("it ends") {
            Exit::Normal(value) => Ok(value.read().expect("json")),
            Exit::Error(failure) => Err(failure),
            other => panic!("{id} ended {other}"),
        }
    }

    pub async fn state(&self, id: &ProcessId, key: &str) -> Value {
        let state = self.node.state(id).await.expect("read");
        let row = state.iter().find(|row| row.key == key);
        row.map_or(Value::Null, |row| row.value.read().expect("json"))
    }

    /// Waits until an entry of its state is so.
    pub async fn until(&self, id: &ProcessId, key: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..2_000 {
            let value = self.state(id, key).await;
            if is_so(&value) {
                return value;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{id}: `{key}` never became so: {}", self.state(id, key).await);
    }

    /// Says something in a chat and waits for the answer.
    pub async fn say(&self, id: &ProcessId, words: &str) -> String {
        let said = self.until(id, "status", |status| status == "listening").await;
        assert_eq!(said, "listening");
        let before = self.said(id).await;
        self.send(id, greenroom_agent::SAY, words.into()).await;
        let key = format!("thread/{:06}", before + 2);
        let answer = self.until(id, &key, |answer| !answer.is_null()).await;
        self.until(id, "status", |status| status == "listening").await;
        answer["content"][0]["text"].as_str().unwrap_or_default().to_owned()
    }

    /// How many messages were said.
    pub async fn said(&self, id: &ProcessId) -> usize {
        let state = self.node.state(id).await.expect("read");
        state.iter().filter(|row| row.key.starts_with("thread/")).count()
    }
}
