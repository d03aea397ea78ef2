//! A node on a store in memory that outlives it, and short ways to use it.

use greenroom_runtime::journal::{Memory, Scope, TurnRow};
use greenroom_runtime::model::{Event, Exit, Failure, Payload, ProcessId, Status};
use greenroom_runtime::{Node, NodeOptions, Registry, SendRequest, StartRequest};
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

pub type Ran = Result<u64, Failure>;

pub struct World {
    pub node: Node,
    pub store: Arc<Memory>,
}

impl World {
    pub fn new(registry: Registry) -> World {
        World::on(Arc::new(Memory::new()), registry)
    }

    pub fn on(store: Arc<Memory>, registry: Registry) -> World {
        let node = Node::start(store.clone(), registry, NodeOptions::default()).expect("starts");
        World { node, store }
    }

    /// The node goes, the store stays; another binary comes.
    pub async fn deploy(self, registry: Registry) -> World {
        self.node.stop(Duration::from_secs(2)).await;
        World::on(self.store, registry)
    }

    /// A node on a store of the test's own.
    pub fn with(node: Node) -> World {
        World { node, store: Arc::new(Memory::new()) }
    }

    pub async fn start(&self, id: &str, input: &str) -> ProcessId {
        let id: ProcessId = id.parse().expect("an id");
        let request = StartRequest {
            budget: None,
            kind: id.kind().into(),
            key: Some(id.key().into()),
            input: Payload::parse(input).expect("json"),
            by: "test".into(),
        };
        assert!(self.node.start_process(request).await.expect("started").created);
        id
    }

    pub async fn send(&self, id: &ProcessId, topic: &str, body: &str) {
        let request = SendRequest {
            topic: topic.into(),
            body: Payload::parse(body).expect("json"),
            by: "test".into(),
        };
        self.node.send(id, request).await.expect("sent");
    }

    pub async fn exit(&self, id: &ProcessId) -> Exit {
        let waited = self.node.result(id, Some(Duration::from_secs(20))).await.expect("read");
        match waited {
            Some(exit) => exit,
            None => panic!("{id} did not end: {:#?}", self.events(id).await),
        }
    }

    pub async fn result(&self, id: &ProcessId) -> String {
        match self.exit(id).await {
            Exit::Normal(result) => result.to_string(),
            other => panic!("{id} ended {other}: {:#?}", self.events(id).await),
        }
    }

    pub async fn failure(&self, id: &ProcessId) -> String {
        match self.exit(id).await {
            Exit::Normal(result) => panic!("{id} returned {result}"),
            other => other.to_string(),
        }
    }

    pub async fn events(&self, id: &ProcessId) -> Vec<Event> {
        let turns: Vec<TurnRow> = self.node.history(id, Scope::Whole).await.expect("history");
        turns.into_iter().flat_map(|turn| turn.events).collect()
    }

    pub async fn names(&self, id: &ProcessId) -> Vec<&'static str> {
        self.events(id).await.iter().map(Event::name).collect()
    }

    /// Waits until a process does this.
    pub async fn until(&self, id: &ProcessId, status: Status) {
        for _ in 0..2_000 {
            // A child may have to be started first.
            let row = self.node.process(id).await;
            let is = row.is_ok_and(|row| row.status == status);
            if is && self.node.health().committing == 0 {
                return;
            }
            pause(5).await;
        }
        panic!("{id} never was {status}: {:#?}", self.events(id).await);
    }
}

pub async fn pause(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

/// One counter, twice: to count with and to look at.
pub fn counter() -> (Arc<AtomicU32>, Arc<AtomicU32>) {
    let counter = Arc::new(AtomicU32::new(0));
    (counter.clone(), counter)
}

/// The name of the step that begins here.
pub fn step_name(event: &Event) -> Option<String> {
    match event {
        Event::StepStarted { name, .. } => Some(name.clone()),
        _ => None,
    }
}
