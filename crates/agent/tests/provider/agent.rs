//! A whole agent on a node, its models by configuration: what providers say of their
//! failures is what the loop acts on.

use crate::support::start;
use greenroom_agent::Agent;
use greenroom_agent::provider::{Catalog, ModelsConfig};
use greenroom_agent::tool::Tool;
use greenroom_runtime::journal::{Memory, Scope};
use greenroom_runtime::model::{Exit, Failure, Payload, ProcessId};
use greenroom_runtime::{Node, NodeOptions, Registry, StartRequest, Step};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Place {
    city: String,
}

/// Cargo sets it for every test: it stands in for a key.
const KEY_ENV: &str = "CARGO_PKG_DESCRIPTION";

#[tokio::test(flavor = "multi_thread")]
async fn falls_back_waits_calls_and_is_told_the_price() {
    let first = start(&json!({"turns": [{"when": {}, "status": 401, "message": "who are you?"}]}));
    let second = start(&json!({"turns": [
        {"when": {"text": "oslo"}, "status": 429, "retry_after": 0.01, "times": 1},
        {"when": {"text": "oslo"}, "thinking": "let me see", "usage": {"input": 100, "output": 10},
            "tool_calls": [{"name": "weather", "arguments": {"city": "Oslo"}}]},
        {"when": {"tool_result": "rain"}, "say": "Take an umbrella.",
            "usage": {"input": 20, "output": 5, "cache_read": 100}},
    ]}));
    let config = format!(
        r#"
        [providers.first]
        protocol = "chat"
        url = "{}"
        key_env = "{KEY_ENV}"
        [providers.second]
        protocol = "anthropic"
        url = "{}"
        key_env = "{KEY_ENV}"
        [models]
        default = ["first/big", "second/small"]
        [prices."second/small"]
        input = 2
        output = 10
        cache_read = 0.1
        "#,
        first.chat_url(),
        second.url()
    );
    let models = Catalog::new(ModelsConfig::from_toml(&config).unwrap()).unwrap();
    let weather =
        |_: Step, place: Place| async move { Ok::<_, Failure>(format!("rain in {}", place.city)) };
    let agent = Agent::new("guide", "You are brief.", Arc::new(models)).tool(Tool::function(
        "weather",
        "The weather in a city.",
        weather,
    ));
    let registry = agent.register(Registry::new());
    let node = Node::start(Arc::new(Memory::new()), registry, NodeOptions::default()).unwrap();
    let start = StartRequest {
        budget: None,
        kind: "guide".into(),
        key: Some("one".into()),
        input: Payload::of(&"What is the weather in Oslo?").unwrap(),
        by: "test".into(),
    };
    node.start_process(start).await.unwrap();
    let id: ProcessId = "guide/one".parse().unwrap();
    let exit = node.result(&id, Some(Duration::from_secs(30))).await.unwrap().unwrap();
    let Exit::Normal(result) = exit else { panic!("it ended {exit}") };
    assert_eq!(result.read::<String>().unwrap(), "Take an umbrella.");
    // The first refuses for good: it is let rest.
    assert_eq!(first.count(), 1);
    assert_eq!(second.count(), 3);
    assert_eq!(second.served_by_key().values().copied().collect::<Vec<_>>(), [1, 1]);
    // 100 x 2 + 10 x 10 + 20 x 2 + 5 x 10 + 100 x 0.1
    let state = node.state(&id).await.unwrap();
    let money = state.iter().find(|row| row.key == "money_micro").unwrap();
    assert_eq!(money.value.read::<u64>().unwrap(), 400);
    // What the model has thought is in the journal, and goes back; the key is not.
    let kept = format!("{:?}", node.history(&id, Scope::Whole).await.unwrap());
    assert!(kept.contains("let me see") && kept.contains("Z3JlZW5yb29t"), "{kept}");
    let key = std::env::var(KEY_ENV).unwrap();
    assert!(!kept.contains(&key), "{kept}");
    let again = &second.requests()[2].body["messages"][1]["content"][0];
    assert_eq!(again["thinking"], "let me see");
    node.stop(Duration::ZERO).await;
}
