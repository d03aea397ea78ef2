//! All four protocols against somebody else's idea of them. One test, because each
//! would start a server of its own.

use crate::servers::aimock;
use crate::support::{endpoint, request, send, texts, weather_tool};
use greenroom_agent::conversation::{Message, Part, Role, ToolResult};
use greenroom_agent::provider::{Anthropic, Chat, Gemini, OpenAi, Provider, Stop, failure};

fn all(url: &str) -> Vec<Box<dyn Provider>> {
    let version = |version: &str| endpoint(&format!("{url}/{version}"));
    vec![
        Box::new(Chat::new(version("v1"))),
        Box::new(OpenAi::new(version("v1"))),
        Box::new(Anthropic::new(endpoint(url))),
        Box::new(Gemini::new(version("v1beta"))),
    ]
}

#[tokio::test]
async fn four_protocols_and_their_faults() {
    let server = aimock();
    for provider in all(&server.url) {
        let provider = provider.as_ref();
        says_words(provider).await;
        asks_for_tools_and_hears_of_them(provider).await;
        fails(provider).await;
    }
}

async fn says_words(provider: &dyn Provider) {
    let (reply, deltas) = send(provider, &request("hello")).await;
    let (reply, name) = (reply.unwrap(), provider.protocol());
    assert_eq!(reply.message.text(), "Hello, it is me – grüße!", "{name}");
    assert_eq!(texts(&deltas), reply.message.text(), "{name}");
    assert!(deltas.len() > 2, "{name}: {deltas:?}");
    assert_eq!(reply.stop, Stop::End, "{name}");
    assert!(reply.usage.total() > 0, "{name}: {:?}", reply.usage);
}

async fn asks_for_tools_and_hears_of_them(provider: &dyn Provider) {
    let name = provider.protocol();
    let mut request = request("two cities");
    request.tools = vec![weather_tool()];
    let reply = send(provider, &request).await.0.unwrap();
    let calls: Vec<_> = reply.message.tool_calls().cloned().collect();
    let cities: Vec<_> = calls.iter().map(|call| call.arguments["city"].as_str()).collect();
    assert_eq!(cities, [Some("Oslo"), Some("Bergen")], "{name}");
    assert_eq!(
        (reply.stop, reply.message.text().as_str()),
        (Stop::ToolCalls, "Let me look."),
        "{name}"
    );
    request.messages.push(reply.message);
    let results = calls.into_iter().map(|call| {
        let (id, name) = (call.id, call.name);
        Part::ToolResult(ToolResult { id, name, content: "rain".into(), failed: false })
    });
    request.messages.push(Message { role: Role::User, content: results.collect(), raw: None });
    let reply = send(provider, &request).await.0.unwrap();
    assert_eq!(reply.message.text(), "Rain in both.", "{name}");
}

async fn fails(provider: &dyn Provider) {
    let name = provider.protocol();
    let cases = [
        ("too often", failure::RATE_LIMITED),
        ("too much", failure::OVERLOADED),
        ("cut", failure::CONNECTION),
        ("gone", failure::CONNECTION),
        ("garbled", failure::PROVIDER),
    ];
    for (text, kind) in cases {
        let failure = send(provider, &request(text)).await.0.unwrap_err();
        assert!(failure.is(kind) && failure.retryable, "{name}, {text}: {failure:?}");
    }
    let limited = send(provider, &request("too often")).await.0.unwrap_err();
    assert!(limited.message.contains("Slow down"), "{name}: {limited}");
}
