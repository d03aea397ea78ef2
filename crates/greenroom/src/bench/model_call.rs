//! What an agent's loop adds to a call of its model: the same conversation with the
//! same server, once by the client alone, once by an agent, call by call.

use super::machine::{Watch, object, percentile, round};
use super::model_server::ModelServer;
use super::place::Place;
use super::plan::Args;
use greenroom_agent::Agent;
use greenroom_agent::conversation::{Message, Part, Role, ToolResult};
use greenroom_agent::provider::{Provider, Request, ToolSpec};
use greenroom_agent::tool::Tool;
use greenroom_model::{Failure, Payload};
use greenroom_runtime::{Ctx, Node, NodeOptions, Registry, StartRequest};
use serde_json::{Map, Value, json};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// So many calls make a conversation.
const CALLS: u32 = 40;

/// Who asks for tools for ever.
const PROMPT: &str = "Look again and again.";

pub(super) async fn run(place: &Place, args: &Args) -> anyhow::Result<Map<String, Value>> {
    let agents = args.processes.unwrap_or(20);
    let server = ModelServer::start(args)?;
    let mut bare = Vec::new();
    for _ in 0..agents {
        bare.extend(alone(&server).await?);
    }
    let times: Arc<Mutex<Vec<(String, f64)>>> = Arc::default();
    let node = Node::start(place.open()?, registry(&server, &times), NodeOptions::default())?;
    for key in 0..agents {
        let input = Payload::of(&"go")?;
        let (kind, by) = ("looker".to_owned(), "bench".to_owned());
        let key = Some(key.to_string());
        let request = StartRequest { budget: None, kind, key, input, by };
        let id = node.start_process(request).await?.id;
        // It ends at its limit of turns.
        node.result(&id, Some(Duration::from_secs(600))).await?;
    }
    let store = node.health().store;
    node.stop(Duration::from_secs(1)).await;
    server.stop()?;
    let times = times.lock().unwrap_or_else(PoisonError::into_inner);
    let of_one = times.windows(2).filter(|pair| pair[0].0 == pair[1].0);
    let mut agent: Vec<f64> = of_one.map(|pair| pair[1].1 - pair[0].1).collect();
    let calls = agent.len();
    let (bare_p50, bare_p99) = (percentile(&mut bare, 0.5), percentile(&mut bare, 0.99));
    let (agent_p50, agent_p99) = (percentile(&mut agent, 0.5), percentile(&mut agent, 0.99));
    Ok(object(json!({
        "bench": "model-call",
        "store": store,
        "calls": calls,
        "bare_p50_ms": round(bare_p50),
        "bare_p99_ms": round(bare_p99),
        "agent_p50_ms": round(agent_p50),
        "agent_p99_ms": round(agent_p99),
        "overhead_p50_ms": round(agent_p50 - bare_p50),
    })))
}

/// The client alone: how long each call of a conversation takes, in milliseconds.
async fn alone(server: &ModelServer) -> anyhow::Result<Vec<f64>> {
    let provider = server.provider();
    let spec = ToolSpec {
        name: "look".to_owned(),
        description: "Looks.".to_owned(),
        schema: json!({"type": "object", "properties": {}}),
    };
    let mut request = Request {
        model: "model".to_owned(),
        system: PROMPT.to_owned(),
        messages: vec![Message::user("go")],
        tools: vec![spec],
        tokens_max: 4_096,
        ..Request::default()
    };
    let mut times = Vec::new();
    for _ in 0..CALLS {
        let watch = Watch::start();
        let reply = provider.send(&request, "bare", &mut |_| ()).await;
        times.push(watch.micros() / 1e3);
        let reply = reply.map_err(|failure| anyhow::anyhow!("{failure}"))?;
        let results = reply.message.tool_calls().map(|call| {
            let (id, name, content) = (call.id.clone(), call.name.clone(), "seen".to_owned());
            Part::ToolResult(ToolResult { id, name, content, failed: false })
        });
        let content = results.collect();
        request.messages.push(reply.message.clone());
        request.messages.push(Message { role: Role::User, content, raw: None });
    }
    Ok(times)
}

/// An agent whose tool, which is no step, notes when each call of the model is over.
fn registry(server: &ModelServer, times: &Arc<Mutex<Vec<(String, f64)>>>) -> Registry {
    let (watch, times) = (Watch::start(), times.clone());
    let look = Tool::verb("look", "Looks.", move |ctx: Ctx, (): ()| {
        let seen = (ctx.id().to_string(), watch.micros() / 1e3);
        times.lock().unwrap_or_else(PoisonError::into_inner).push(seen);
        async { Ok::<_, Failure>("seen") }
    });
    Agent::new("looker", PROMPT, Arc::new(server.model("model")))
        .tool(look)
        .with(|definition| {
            definition.limits.turns = CALLS;
            definition.limits.repeats = u32::MAX;
        })
        .register(Registry::new())
}
