//! Three protocols against a real model on llama.cpp's own server: for protocol,
//! streaming, cancelling and structured output, not for what it says.

use crate::servers::smollm;
use crate::support::{endpoint, request, send, texts};
use greenroom_agent::provider::{Anthropic, Chat, Delta, OpenAi, Provider, Request, Stop, failure};
use serde_json::{Value, json};

#[tokio::test]
async fn a_real_model_speaks_three_protocols() {
    let server = smollm();
    let v1 = endpoint(&format!("{}/v1", server.url));
    let chat = Chat::new(v1.clone());
    let others: [Box<dyn Provider>; 2] =
        [Box::new(OpenAi::new(v1)), Box::new(Anthropic::new(endpoint(&server.url)))];
    speaks(&chat).await;
    for provider in &others {
        speaks(provider.as_ref()).await;
    }
    keeps_to_a_schema(&chat).await;
    answers_at_once(&chat).await;
    is_dropped(&chat).await;
    takes_in_only_so_much(&chat).await;
}

fn short(text: &str) -> Request {
    Request { tokens_max: 12, temperature: Some(0.0), ..request(text) }
}

async fn speaks(provider: &dyn Provider) {
    let (reply, deltas) = send(provider, &short("Tell me a long story.")).await;
    let (reply, name) = (reply.unwrap(), provider.protocol());
    assert!(!reply.message.text().is_empty(), "{name}");
    assert_eq!(texts(&deltas), reply.message.text(), "{name}");
    // Each token by itself.
    assert!(deltas.len() > 5, "{name}: {deltas:?}");
    let usage = reply.usage;
    assert!(!usage.guessed && usage.output == 12, "{name}: {usage:?}");
    assert!(usage.input + usage.cache_read > 5, "{name}: {usage:?}");
    assert!(reply.model.contains("SmolLM2"), "{name}: {}", reply.model);
    // llama.cpp's Responses say `completed` also of what was cut.
    if name != "openai" {
        assert_eq!(reply.stop, Stop::Length, "{name}");
    }
}

async fn keeps_to_a_schema(provider: &dyn Provider) {
    let schema = json!({
        "type": "object", "required": ["city", "rain"], "additionalProperties": false,
        "properties": {"city": {"enum": ["Oslo", "Bergen"]}, "rain": {"type": "boolean"}},
    });
    let request = Request { schema: Some(schema), tokens_max: 60, ..short("The weather in Oslo?") };
    let reply = send(provider, &request).await.0.unwrap();
    let said: Value = serde_json::from_str(&reply.message.text()).unwrap();
    assert!(said["rain"].is_boolean(), "{said}");
    assert!(["Oslo", "Bergen"].contains(&said["city"].as_str().unwrap()), "{said}");
}

async fn answers_at_once(provider: &dyn Provider) {
    let requests = ["One.", "Two.", "Three.", "Four."].map(short);
    let all = requests.iter().map(|request| send(provider, request));
    for (reply, _) in futures_util::future::join_all(all).await {
        assert!(!reply.unwrap().message.text().is_empty());
    }
}

/// A request that is dropped frees the model: both of its slots answer after that.
async fn is_dropped(provider: &dyn Provider) {
    let endless = Request { tokens_max: 100_000, ..short("Count to a million.") };
    for _ in 0..3 {
        let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
        let mut on_delta = move |delta: Delta| told.send(delta).unwrap();
        tokio::select! {
            ended = provider.send(&endless, "k", &mut on_delta) => panic!("it has ended: {ended:?}"),
            first = heard.recv() => assert!(first.is_some()),
        }
    }
    answers_at_once(provider).await;
}

async fn takes_in_only_so_much(provider: &dyn Provider) {
    let failure = send(provider, &short(&"word ".repeat(20_000))).await.0.unwrap_err();
    assert!(failure.is(failure::CONTEXT_TOO_LONG) && !failure.retryable, "{failure}");
}
