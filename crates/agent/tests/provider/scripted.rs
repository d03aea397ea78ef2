//! Chat Completions against the scripted server: what goes well, and what does not.

use crate::support::{KEY, endpoint, eventually, request, send, start, texts, weather_tool};
use greenroom_agent::conversation::{Message, Part, Role, ToolResult};
use greenroom_agent::provider::{
    Anthropic, Chat, Delta, Endpoint, Key, Limits, Provider, Stop, failure,
};
use greenroom_agent::scripted::Outcome;
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn words_come_token_by_token() {
    let server = start(&json!({"turns": [{
        "say": "Grüße from the 🦀 script", "thinking": "let me see",
        "usage": {"input": 7, "output": 5, "cache_read": 100, "cache_write": 3},
    }]}));
    let chat = Chat::new(endpoint(&server.chat_url()));
    let (reply, deltas) = send(&chat, &request("hi")).await;
    let reply = reply.unwrap();
    assert_eq!(reply.message.text(), "Grüße from the 🦀 script");
    assert_eq!(texts(&deltas), "Grüße from the 🦀 script");
    assert_eq!(deltas.iter().filter(|d| matches!(d, Delta::Text { .. })).count(), 5);
    assert!(deltas.contains(&Delta::Thinking { text: "let ".into() }));
    assert_eq!(reply.model, "greenroom-script");
    let usage = reply.usage;
    assert_eq!((usage.input, usage.output, usage.cache_read, usage.cache_write), (7, 5, 100, 3));
    let asked = &server.requests()[0];
    assert_eq!((asked.key.as_deref(), asked.outcome), (Some("agent/x:1"), Outcome::Served));
}

#[tokio::test]
async fn parallel_tools_and_their_results() {
    let server = start(&json!({"turns": [
        {"when": {"text": "oslo"}, "say": "Let me look.", "tool_calls": [
            {"name": "weather", "arguments": {"city": "Oslo"}},
            {"name": "weather", "arguments": {"city": "Bergen"}, "id": "given"},
            {"name": "weather", "arguments": "{\"city\": "}]},
        {"when": {"tool_result": "rain"}, "say": "Take an umbrella."},
    ]}));
    let chat = Chat::new(endpoint(&server.chat_url()));
    let mut request = request("Oslo or Bergen?");
    request.tools = vec![weather_tool()];
    let (reply, deltas) = send(&chat, &request).await;
    let reply = reply.unwrap();
    assert_eq!(reply.stop, Stop::ToolCalls);
    let calls: Vec<_> = reply.message.tool_calls().cloned().collect();
    assert_eq!(calls[0].arguments, json!({"city": "Oslo"}));
    assert_eq!((calls[1].id.as_str(), calls.len()), ("given", 3));
    // What is no JSON stays the model's text, for the loop to refuse.
    assert_eq!(calls[2].arguments, json!("{\"city\": "));
    assert_eq!(deltas.iter().filter(|d| matches!(d, Delta::ToolCall { .. })).count(), 3);
    request.messages.push(reply.message);
    let results = calls.iter().map(|call| {
        let (id, name) = (call.id.clone(), call.name.clone());
        Part::ToolResult(ToolResult { id, name, content: "rain".into(), failed: false })
    });
    request.messages.push(Message { role: Role::User, content: results.collect(), raw: None });
    let key = "agent/x:2";
    let mut ignored = |_| {};
    let reply = Provider::send(&chat, &request, key, &mut ignored).await;
    assert_eq!(reply.unwrap().message.text(), "Take an umbrella.");
    // The server saw its own calls again, letter by letter.
    let again = &server.requests()[1].body["messages"][1];
    assert_eq!(again["tool_calls"][2]["function"]["arguments"], "{\"city\": ");
    assert_eq!(again["content"], "Let me look.");
}

/// A failure that a turn makes, and what was heard before it.
async fn failing(turn: Value) -> (greenroom_model::Failure, Vec<Delta>) {
    let server = start(&json!({"turns": [turn]}));
    let chat = Chat::new(endpoint(&server.chat_url()));
    let (result, deltas) = send(&chat, &request("hi")).await;
    let failure = result.unwrap_err();
    for part in ["acme", "m-1"] {
        assert!(failure.message.contains(part), "{failure}");
    }
    (failure, deltas)
}

#[tokio::test]
async fn failures_and_what_to_do_next() {
    let (limited, _) =
        failing(json!({"status": 429, "retry_after": 1.5, "message": "slow down"})).await;
    assert!(limited.is(failure::RATE_LIMITED) && limited.retryable);
    assert_eq!(limited.retry_after_ms, Some(1_500));
    assert!(limited.message.contains("slow down"), "{limited}");
    let (overloaded, _) = failing(json!({"status": 529})).await;
    assert!(overloaded.is(failure::OVERLOADED) && overloaded.retryable);
    let (broken, _) = failing(json!({"status": 500})).await;
    assert!(broken.is(failure::PROVIDER) && broken.retryable);
    let (auth, _) = failing(json!({"status": 401})).await;
    assert!(auth.is(failure::AUTH) && !auth.retryable);
    let (bad, _) = failing(json!({"when": {"text": "something else"}})).await;
    assert!(bad.is(failure::BAD_REQUEST) && !bad.retryable);
    assert!(bad.message.contains("the script has no turn for this"), "{bad}");
}

#[tokio::test]
async fn failures_in_the_middle_of_a_stream() {
    let (cut, deltas) = failing(json!({"say": "one two three four", "cut_after_tokens": 2})).await;
    assert!(cut.is(failure::CONNECTION) && cut.retryable, "{cut}");
    assert_eq!(texts(&deltas), "one two ");
    let (cut, deltas) = failing(json!({"say": "one two", "cut_after_tokens": 99})).await;
    assert!(cut.is(failure::CONNECTION) && cut.retryable, "{cut}");
    assert_eq!(texts(&deltas), "one two");
    let (malformed, _) = failing(json!({"say": "one two three", "malformed": true})).await;
    assert!(malformed.is(failure::PROVIDER) && malformed.retryable, "{malformed}");
    let overload = json!({"say": "one two", "fault": "overloaded", "message": "too much to do"});
    let (overloaded, _) = failing(overload).await;
    assert!(overloaded.is(failure::OVERLOADED) && overloaded.retryable, "{overloaded}");
    assert!(overloaded.message.contains("too much to do"), "{overloaded}");
}

#[tokio::test]
async fn silence_is_a_broken_connection() {
    let server = start(&json!({"turns": [
        {"say": "one two three", "fault": "silent"}, {"delay_ms": 60_000}, {"say": "fine"},
    ]}));
    let mut endpoint = endpoint(&server.chat_url());
    endpoint.limits = Limits { idle: Duration::from_millis(200), ..Limits::default() };
    let chat = Chat::new(endpoint);
    for text in ["nothing came for 200ms", "no answer within 200ms"] {
        let failure = send(&chat, &request("hi")).await.0.unwrap_err();
        assert!(failure.is(failure::CONNECTION) && failure.retryable, "{failure}");
        assert!(failure.message.contains(text), "{failure}");
    }
    // Under its own key it would be the slow turn again.
    let request = request("hi");
    let reply = Provider::send(&chat, &request, "another", &mut |_| {}).await.unwrap();
    assert_eq!(reply.message.text(), "fine");
    let outcomes: Vec<_> = server.requests().iter().map(|request| request.outcome).collect();
    assert_eq!(outcomes, [Outcome::Failed, Outcome::Abandoned, Outcome::Served]);
}

#[tokio::test]
async fn nobody_there_and_bad_addresses() {
    let url = start(&json!({"turns": [{}]})).chat_url();
    let failure = send(&Chat::new(endpoint(&url)), &request("hi")).await.0.unwrap_err();
    assert!(failure.is(failure::CONNECTION) && failure.retryable, "{failure}");
    assert!(failure.message.contains("refused") && failure.message.contains(&url), "{failure}");
    let failure = send(&Chat::new(endpoint("ftp://x")), &request("hi")).await.0.unwrap_err();
    assert!(failure.message.contains("http:// or https://"), "{failure}");
    let failure = send(&Chat::new(endpoint("not a url")), &request("hi")).await.0.unwrap_err();
    assert!(failure.is(failure::BAD_REQUEST), "{failure}");
}

#[tokio::test]
async fn keys_are_sent_and_never_shown() {
    let server = start(&json!({"turns": [
        {"status": 401, "message": format!("Incorrect API key provided: {KEY}.")},
    ]}));
    let endpoint = endpoint(&server.chat_url());
    assert!(!format!("{endpoint:?}").contains(KEY));
    let failure = send(&Chat::new(endpoint), &request("hi")).await.0.unwrap_err();
    assert!(!failure.message.contains(KEY), "{failure}");
    assert!(failure.message.contains("[redacted]"), "{failure}");
    let key = Key::Named("GREENROOM_TEST_NO_SUCH_KEY".into());
    let nameless = Endpoint::new("acme", server.chat_url(), key);
    let failure = send(&Chat::new(nameless), &request("hi")).await.0.unwrap_err();
    assert!(failure.is(failure::AUTH), "{failure}");
    assert!(failure.message.contains("GREENROOM_TEST_NO_SUCH_KEY"), "{failure}");
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn a_dropped_request_ends_at_the_server() {
    let server = start(&json!({"turns": [{"say": "a b c d e f g h", "token_delay_ms": 50}]}));
    let chat = Chat::new(endpoint(&server.chat_url()));
    let request = request("hi");
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let mut on_delta = move |delta| told.send(delta).unwrap();
    tokio::select! {
        _ = Provider::send(&chat, &request, "k", &mut on_delta) => panic!("it ended"),
        first = heard.recv() => assert!(first.is_some()),
    }
    eventually(|| server.requests()[0].outcome != Outcome::Open).await;
    assert_eq!(server.requests()[0].outcome, Outcome::Abandoned);
}

#[tokio::test]
async fn a_rate_and_attempts_under_one_key() {
    let server = start(&json!({
        "rate": {"per_second": 5, "burst": 2},
        "turns": [{"say": "first"}, {"say": "second"}],
    }));
    let chat = Chat::new(endpoint(&server.chat_url()));
    // The same key gets the same turn: a call that is made again goes no further.
    for _ in 0..2 {
        assert_eq!(send(&chat, &request("hi")).await.0.unwrap().message.text(), "first");
    }
    assert_eq!(server.served_by_key()["agent/x:1"], 2);
    let limited = send(&chat, &request("hi")).await.0.unwrap_err();
    assert!(limited.is(failure::RATE_LIMITED), "{limited}");
    let wait = limited.retry_after_ms.unwrap();
    assert!((1..=200).contains(&wait), "{wait}");
}

#[tokio::test]
async fn the_same_in_anthropics_protocol() {
    let server = start(&json!({"turns": [
        {"when": {"text": "oslo"}, "thinking": "let me see", "say": "One moment.",
            "tool_calls": [{"name": "weather", "arguments": {"city": "Oslo"}}]},
        {"when": {"tool_result": "rain"}, "status": 529},
        {"say": "a b c", "fault": "overloaded"},
        {"say": "a b c", "malformed": true},
        {"say": "a b c", "cut_after_tokens": 1},
    ]}));
    let anthropic = Anthropic::new(endpoint(&server.url()));
    let mut request = request("Oslo?");
    request.tools = vec![weather_tool()];
    let (reply, deltas) = send(&anthropic, &request).await;
    let reply = reply.unwrap();
    assert_eq!((reply.stop, reply.model.as_str()), (Stop::ToolCalls, "greenroom-script"));
    assert_eq!(texts(&deltas), "One moment.");
    let call = reply.message.tool_calls().next().unwrap().clone();
    request.messages.push(reply.message);
    let result = ToolResult { id: call.id, name: call.name, content: "rain".into(), failed: false };
    let content = vec![Part::ToolResult(result)];
    request.messages.push(Message { role: Role::User, content, raw: None });
    let failure = Provider::send(&anthropic, &request, "2", &mut |_| {}).await.unwrap_err();
    assert!(failure.is(failure::OVERLOADED), "{failure}");
    let signed = &server.requests()[1].body["messages"][1]["content"][0];
    assert_eq!(signed["thinking"], "let me see");
    assert!(!signed["signature"].as_str().unwrap().is_empty());
    let hi = crate::support::request("hi");
    for kind in [failure::OVERLOADED, failure::PROVIDER, failure::CONNECTION] {
        let failure = Provider::send(&anthropic, &hi, kind, &mut |_| {}).await.unwrap_err();
        assert!(failure.is(kind) && failure.retryable, "{failure}");
    }
}

#[tokio::test]
async fn many_at_once() {
    const MANY: usize = 400;
    let server = start(&json!({"delay_ms": 500, "turns": [{"when": {}, "say": "one of many"}]}));
    let chat = Chat::new(endpoint(&server.chat_url()));
    let request = request("hi");
    let all = (0..MANY).map(|number| {
        let (chat, request) = (&chat, &request);
        async move {
            let key = format!("agent/{number}:1");
            Provider::send(chat, request, &key, &mut |_| {}).await
        }
    });
    for reply in futures_util::future::join_all(all).await {
        assert_eq!(reply.unwrap().message.text(), "one of many");
    }
    assert!(server.open_peak() > MANY / 2, "{}", server.open_peak());
    assert_eq!(server.served_by_key().len(), MANY);
}
