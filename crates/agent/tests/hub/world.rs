//! A node that can be killed and started again, and the socket of a box on it.

use futures_util::FutureExt;
use greenroom_agent::hub::{BoxHub, register};
use greenroom_boxes::hub::{Quota, Resident, Rights, Served, serve};
use greenroom_runtime::journal::{Memory, Sqlite, SqliteOptions};
use greenroom_runtime::model::{Failure, Payload, ProcessId};
use greenroom_runtime::{Ctx, Node, NodeOptions, Registry, StartRequest};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::runtime::Handle;

/// `keeper` keeps the numbers that boxes say to it under `box.*.n`; `teller` publishes what it is
/// sent, and writes to a box.
fn registry() -> Registry {
    let registry = Registry::new().kind("keeper", |ctx: Ctx, _: ()| async move {
        let mut kept: Vec<(String, Value)> = Vec::new();
        loop {
            let heard = ctx.recv().topic("box.*.n").await?;
            kept.push((heard.from.to_string(), heard.read()?));
            ctx.set("kept", &kept)?;
            if kept.len() > 1000 {
                return Ok::<(), Failure>(());
            }
        }
    });
    let registry = registry.kind("teller", |ctx: Ctx, (topic, body): (String, Value)| async move {
        match topic.strip_prefix("box:") {
            Some(_) => drop(ctx.send_to_name(&topic, "told", &body).await?),
            None => drop(ctx.publish(&topic, &body).await?),
        }
        Ok::<(), Failure>(())
    });
    register(registry)
}

pub struct World {
    dir: tempfile::TempDir,
    pub node: Node,
}

impl World {
    pub fn new() -> World {
        let dir = tempfile::tempdir().expect("a folder");
        let node = node(dir.path().join("store.db"));
        World { dir, node }
    }

    /// The node ends without a word, and another one takes its place.
    pub async fn again(&mut self) {
        self.node.stop(Duration::ZERO).await;
        // The store is let go with the last that holds the node.
        let away = Node::start(Arc::new(Memory::new()), Registry::new(), NodeOptions::default());
        self.node = away.expect("starts");
        let path = self.dir.path().join("store.db");
        for _ in 0..100 {
            let store = Sqlite::open(&path, SqliteOptions::default());
            let started = store.ok().and_then(|store| {
                Node::start(Arc::new(store), registry(), NodeOptions::default()).ok()
            });
            if let Some(node) = started {
                self.node = node;
                return;
            }
            pause(50).await;
        }
        unreachable!("no node starts");
    }

    pub fn hub(&self) -> BoxHub {
        BoxHub::new(self.node.clone())
    }

    pub async fn start(&self, kind: &str, key: &str, input: Value) -> ProcessId {
        let request = StartRequest {
            kind: kind.to_owned(),
            key: Some(key.to_owned()),
            input: Payload::of(&input).unwrap(),
            budget: None,
            by: "test".to_owned(),
        };
        self.node.start_process(request).await.expect("started").id
    }

    /// A process publishes this, or writes it to a box.
    pub async fn tell(&self, key: &str, topic: &str, body: Value) {
        let id = self.start("teller", key, json!([topic, body])).await;
        let exit = self.node.result(&id, Some(Duration::from_secs(20))).await.expect("read");
        assert_eq!(exit.expect("it ends").to_string(), "normal");
    }

    /// What the keeper has been told, when it is so many.
    pub async fn kept(&self, count: usize) -> Vec<(String, Value)> {
        let id: ProcessId = "keeper/1".parse().unwrap();
        let mut kept: Vec<(String, Value)> = Vec::new();
        for _ in 0..400 {
            let state = self.node.state(&id).await.expect("read");
            kept = state.first().map(|row| row.value.read().unwrap()).unwrap_or_default();
            if kept.len() >= count {
                break;
            }
            pause(25).await;
        }
        // One that came twice would come now.
        pause(100).await;
        kept
    }

    /// Serves a box's socket, as somebody who has it from a sandbox.
    pub fn serve(&self, resident: Resident) -> Socket {
        let path = self.dir.path().join(format!("{}.sock", resident.name));
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path).expect("a socket");
        let hub = Arc::new(self.hub());
        let served = serve(resident, listener.into(), hub, Quota::default(), &Handle::current());
        Socket { path, _served: served.expect("served") }
    }
}

fn node(path: PathBuf) -> Node {
    let store = Sqlite::open(&path, SqliteOptions::default()).expect("opens");
    Node::start(Arc::new(store), registry(), NodeOptions::default()).expect("starts")
}

pub fn resident(name: &str, number: u64, send: &[&str], hear: &[&str]) -> Resident {
    let owned = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect();
    let rights = Rights { send: owned(send), hear: owned(hear) };
    Resident {
        name: name.to_owned(),
        number,
        owner: Some("keeper/1".to_owned()),
        rights,
        within: None,
    }
}

#[expect(clippy::disallowed_methods, reason = "a test of a real node waits in real time")]
pub async fn pause(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

pub struct Socket {
    path: PathBuf,
    _served: Served,
}

/// A program in a box.
pub struct Program {
    lines: Lines<BufReader<OwnedReadHalf>>,
    write: OwnedWriteHalf,
}

impl Socket {
    pub async fn connect(&self) -> Program {
        let stream = UnixStream::connect(&self.path).await.expect("connected");
        let (read, write) = stream.into_split();
        Program { lines: BufReader::new(read).lines(), write }
    }

    pub async fn ask(&self, request: Value) -> Value {
        self.connect().await.ask(request).await
    }
}

impl Program {
    pub async fn say(&mut self, request: &Value) {
        self.write.write_all(format!("{request}\n").as_bytes()).await.expect("said");
    }

    #[expect(clippy::disallowed_methods, reason = "a test of a real node waits in real time")]
    pub async fn hear(&mut self) -> Value {
        let line = tokio::time::timeout(Duration::from_secs(20), self.lines.next_line());
        let line = line.await.expect("in time").expect("read").expect("a line");
        serde_json::from_str(&line).expect("json")
    }

    /// Whether nothing is there to be heard.
    pub async fn is_silent(&mut self) -> bool {
        pause(300).await;
        self.lines.next_line().now_or_never().is_none()
    }

    pub async fn ask(&mut self, request: Value) -> Value {
        self.say(&request).await;
        self.hear().await
    }
}

impl Program {
    /// The next event, past answers.
    pub async fn hear_event(&mut self) -> Value {
        loop {
            let heard = self.hear().await;
            assert!(heard["error"].is_null(), "{heard}");
            if heard["seq"].is_u64() {
                return heard;
            }
        }
    }

    /// The answer to it, past events that come meanwhile.
    pub async fn acknowledge(&mut self, event: &Value, ahead: &mut VecDeque<Value>) -> Value {
        self.say(&json!({"op": "ack", "seq": event["seq"]})).await;
        loop {
            let heard = self.hear().await;
            match heard["seq"].is_u64() {
                true => ahead.push_back(heard),
                false => return heard,
            }
        }
    }
}
