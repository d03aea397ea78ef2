//! A node whose processes call one tool each, as steps, on the tool's own terms.

use greenroom_agent::tool::{Run, Tool};
use greenroom_runtime::journal::Memory;
use greenroom_runtime::model::{Exit, Failure, Payload, ProcessId, Retry};
use greenroom_runtime::{Ctx, Node, NodeOptions, Registry, StartRequest};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

type Tools = Arc<Mutex<HashMap<String, Tool>>>;

pub struct World {
    pub node: Node,
    tools: Tools,
    count: AtomicU32,
}

impl World {
    pub fn new() -> World {
        let tools = Tools::default();
        let known = tools.clone();
        let registry =
            Registry::new().kind("call", move |ctx: Ctx, (name, arguments): (String, Value)| {
                let tool = known.lock().expect("not poisoned")[&name].clone();
                call(ctx, tool, arguments)
            });
        let node = Node::start(Arc::new(Memory::new()), registry, NodeOptions::default());
        World { node: node.expect("starts"), tools, count: AtomicU32::new(0) }
    }

    /// Begins a call of the tool.
    pub async fn begin(&self, tool: &Tool, arguments: Value) -> ProcessId {
        let name = tool.spec.name.clone();
        self.tools.lock().expect("not poisoned").insert(name.clone(), tool.clone());
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let request = StartRequest {
            budget: None,
            kind: "call".into(),
            key: Some(number.to_string()),
            input: Payload::of(&json!([name, arguments])).expect("json"),
            by: "test".into(),
        };
        self.node.start_process(request).await.expect("started");
        format!("call/{number}").parse().expect("an id")
    }

    /// What a call comes to.
    pub async fn end(&self, id: &ProcessId) -> Result<Value, Failure> {
        let exit = self.node.result(id, Some(Duration::from_secs(40))).await.expect("read");
        match exit.expect("it ends") {
            Exit::Normal(value) => Ok(value.read().expect("json")),
            Exit::Error(failure) => Err(failure),
            other => panic!("{id} ended {other}"),
        }
    }

    pub async fn call(&self, tool: &Tool, arguments: Value) -> Result<Value, Failure> {
        let id = self.begin(tool, arguments).await;
        self.end(&id).await
    }
}

async fn call(ctx: Ctx, tool: Tool, arguments: Value) -> Result<Value, Failure> {
    tool.check(&arguments)?;
    let run = match tool.run {
        Run::Step(run) => run,
        Run::Verb(run) => return run(ctx, arguments).await,
        Run::Placed(_) => return Err(Failure::msg("it wants a box")),
    };
    let retry = Retry {
        attempts_max: tool.policy.attempts_max,
        first_delay: Duration::from_millis(20),
        ..Retry::default()
    };
    let step = ctx.step(&tool.spec.name, move |step| run(step, arguments.clone()));
    let step = step.timeout(tool.policy.timeout).retry(retry);
    if tool.policy.at_most_once { step.at_most_once().await } else { step.await }
}

/// Waits until this is so.
pub async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..4_000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("never: {what}");
}
