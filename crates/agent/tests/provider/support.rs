//! What all tests here say to a provider, and what it says back.

use greenroom_agent::conversation::Message;
use greenroom_agent::provider::{Delta, Endpoint, Key, Provider, Reply, Request, Secret, ToolSpec};
use greenroom_agent::scripted::{Script, ScriptedServer};
use greenroom_model::Failure;
use serde_json::{Value, json};

pub const KEY: &str = "sk-test-0123456789";

pub fn start(script: &Value) -> ScriptedServer {
    ScriptedServer::start(Script::parse(&script.to_string()).unwrap()).unwrap()
}

pub fn endpoint(url: &str) -> Endpoint {
    Endpoint::new("acme", url, Key::Value(Secret::new(KEY)))
}

pub fn request(text: &str) -> Request {
    Request { model: "m-1".into(), messages: vec![Message::user(text)], ..Request::default() }
}

pub fn weather_tool() -> ToolSpec {
    ToolSpec {
        name: "weather".into(),
        description: "The weather in a city.".into(),
        schema: json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}),
    }
}

/// One attempt and what came meanwhile.
pub async fn send(
    provider: &dyn Provider,
    request: &Request,
) -> (Result<Reply, Failure>, Vec<Delta>) {
    let mut deltas = Vec::new();
    let result = provider.send(request, "agent/x:1", &mut |delta| deltas.push(delta)).await;
    (result, deltas)
}

pub fn texts(deltas: &[Delta]) -> String {
    let texts = deltas.iter().filter_map(|delta| match delta {
        Delta::Text { text } => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}

/// Waits until it is so, ten seconds at most.
pub async fn eventually(is_so: impl Fn() -> bool) {
    for _ in 0..1_000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("it has not come to pass within ten seconds");
}
