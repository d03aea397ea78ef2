//! Streams as the providers' documents show them, through a real connection, cut at
//! any byte.

use crate::line::{Line, is_whole};
use crate::support::{endpoint, request, send, texts, weather_tool};
use greenroom_agent::conversation::{Message, Part, Role, ToolResult};
use greenroom_agent::provider::{Anthropic, Chat, Gemini, OpenAi, Provider, Stop, failure};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

const ANTHROPIC: &str = include_str!("recorded/anthropic.txt");
const OPENAI: &str = include_str!("recorded/openai.txt");
const GEMINI: &str = include_str!("recorded/gemini.txt");
const CHAT: &str = include_str!("recorded/chat.txt");

/// Answers one request with these bytes, so many at a time; gives the request's text.
async fn replay(head: &str, body: &[u8], at_once: usize) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (head, body) = (format!("HTTP/1.1 {head}\r\nconnection: close\r\n\r\n"), body.to_vec());
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
        while !is_whole(&request) {
            let count = stream.read(&mut buffer).await.unwrap();
            request.extend_from_slice(&buffer[..count]);
        }
        stream.write_all(head.as_bytes()).await.unwrap();
        for piece in body.chunks(at_once) {
            // The client may have what it wants already.
            if stream.write_all(piece).await.is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
        String::from_utf8(request).unwrap()
    });
    (url, served)
}

fn provider(name: &str, url: &str) -> Box<dyn Provider> {
    let endpoint = endpoint(url);
    match name {
        "anthropic" => Box::new(Anthropic::new(endpoint)),
        "openai" => Box::new(OpenAi::new(endpoint)),
        "gemini" => Box::new(Gemini::new(endpoint)),
        _ => Box::new(Chat::new(endpoint)),
    }
}

const ALL: [(&str, &str); 4] =
    [("anthropic", ANTHROPIC), ("openai", OPENAI), ("gemini", GEMINI), ("chat", CHAT)];

const OK: &str = "200 OK\r\ncontent-type: text/event-stream; charset=utf-8";

#[tokio::test]
async fn every_protocol_says_the_same_however_it_is_cut() {
    for (name, recorded) in ALL {
        let mut first = None;
        for at_once in [1 << 20, 7, 1] {
            let (url, served) = replay(OK, recorded.as_bytes(), at_once).await;
            let mut request = request("The weather in Oslo and Bergen?");
            request.tools = vec![weather_tool()];
            let (reply, deltas) = send(provider(name, &url).as_ref(), &request).await;
            let mut reply = reply.unwrap();
            let by = reply.message.raw.as_mut().unwrap().by.take().unwrap();
            assert_eq!((by.provider.as_str(), &by.url), ("acme", &url), "{name}");
            assert_eq!(reply.message.text(), "Let me look – grüße!", "{name}");
            assert_eq!(texts(&deltas), reply.message.text(), "{name}");
            let calls: Vec<_> = reply.message.tool_calls().collect();
            let cities: Vec<_> = calls.iter().map(|call| call.arguments["city"].as_str()).collect();
            assert_eq!(cities, [Some("Oslo"), Some("Bergen")], "{name}");
            assert_eq!(reply.stop, Stop::ToolCalls, "{name}");
            let usage = reply.usage;
            let counts = (usage.input, usage.cache_read, usage.output, usage.guessed);
            assert_eq!(counts, (100, 900, 60, false), "{name}");
            assert_eq!(first.get_or_insert_with(|| reply.clone()), &reply, "{name}");
            let asked = served.await.unwrap();
            assert!(asked.contains("idempotency-key: agent/x:1"), "{name}: {asked}");
        }
    }
}

/// What a provider must get back unchanged, in its own words.
#[tokio::test]
async fn what_came_goes_back_without_loss() {
    for (name, recorded) in ALL {
        let line = Line::new(|_| recorded.to_owned()).await;
        let provider = provider(name, &line.url);
        let reply = send(provider.as_ref(), &request("hi")).await.0.unwrap();
        let kept = serde_json::to_string(&reply.message).unwrap();
        let message: Message = serde_json::from_str(&kept).unwrap();
        let results = message.tool_calls().map(|call| {
            let (id, name) = (call.id.clone(), call.name.clone());
            Part::ToolResult(ToolResult { id, name, content: "rain".into(), failed: false })
        });
        let results = results.collect();
        let blocks: Value = message.raw.as_ref().unwrap().blocks.read().unwrap();
        let mut next = request("hi");
        next.messages.push(message);
        next.messages.push(Message { role: Role::User, content: results, raw: None });
        send(provider.as_ref(), &next).await.0.unwrap();
        let body: Value = serde_json::from_str(&line.bodies()[1]).unwrap();
        let (again, secrets): (Value, &[&str]) = match name {
            "anthropic" => (
                body["messages"][1]["content"].clone(),
                &["EqQBCgIYAhIM1gbcDa9", "EmwKAhgBEgy3va3"],
            ),
            "openai" => {
                let input = body["input"].as_array().unwrap();
                (input[1..input.len() - 2].into(), &["gAAAAABpQ1-encrypted", "rs_68af"])
            }
            "gemini" => (body["contents"][1]["parts"].clone(), &["CiQBx2Nn-signature"]),
            _ => (body["messages"][1].clone(), &["I should call the tool twice."]),
        };
        assert_eq!(again, blocks, "{name}");
        for secret in secrets {
            assert!(again.to_string().contains(secret), "{name}: {secret}");
        }
    }
}

#[tokio::test]
async fn a_stream_that_ends_early_is_a_broken_connection_at_every_byte() {
    for (name, recorded) in ALL {
        // Before the reply's end is told; what follows it may be missing.
        let told =
            ["message_delta", "response.completed", "finishReason", "finish_reason\": \"tool"];
        let end = told.iter().filter_map(|word| recorded.find(word)).min().unwrap();
        for cut in (0..end).step_by(97) {
            let mut head = OK.to_owned();
            if cut % 2 == 0 {
                head.push_str("\r\ncontent-length: 1000000");
            }
            let (url, _served) = replay(&head, &recorded.as_bytes()[..cut], 1 << 20).await;
            let failure = send(provider(name, &url).as_ref(), &request("hi")).await.0.unwrap_err();
            assert!(
                failure.is(failure::CONNECTION) && failure.retryable,
                "{name} {cut}: {failure}"
            );
        }
    }
}

#[tokio::test]
async fn nonsense_and_redirects() {
    for (name, _) in ALL {
        let (url, _served) = replay(OK, b"data: {\"oops\n\ndata: more\n\n", 5).await;
        let failure = send(provider(name, &url).as_ref(), &request("hi")).await.0.unwrap_err();
        assert!(failure.is(failure::PROVIDER) && failure.retryable, "{name}: {failure}");
        let page = "200 OK\r\ncontent-type: text/html";
        let (url, _served) = replay(page, b"<html>Sign in</html>", 5).await;
        let failure = send(provider(name, &url).as_ref(), &request("hi")).await.0.unwrap_err();
        assert!(failure.is(failure::PROVIDER) && failure.message.contains("web page"), "{failure}");
        let (url, _served) = replay("302 Found\r\nlocation: https://else.test", b"", 1).await;
        let failure = send(provider(name, &url).as_ref(), &request("hi")).await.0.unwrap_err();
        assert!(failure.is(failure::BAD_REQUEST) && !failure.retryable, "{name}: {failure}");
        let body =
            json!({"error": {"type": "overloaded_error", "message": "Overloaded"}}).to_string();
        let head = "529 Too Much\r\nretry-after: 3\r\ncontent-type: application/json";
        let (url, _served) = replay(head, body.as_bytes(), 9).await;
        let failure = send(provider(name, &url).as_ref(), &request("hi")).await.0.unwrap_err();
        assert!(failure.is(failure::OVERLOADED), "{name}: {failure}");
        assert_eq!(failure.retry_after_ms, Some(3_000), "{name}");
    }
}

/// What comes whole is not cut, and what is no stream of events is no stream that was cut: it
/// would be the same again, and paid for again.
#[tokio::test]
async fn what_is_wrong_with_a_reply_is_told_as_it_is() {
    const DOCUMENT: &str = "200 OK\r\ncontent-type: application/json";
    let whole = [
        ("chat", r#"{"choices": [{"message": {"content": "It is 4711."}}]}"#),
        ("gemini", r#"{"candidates": [{"content": {"parts": [{"text": "It is 4711."}]}}]}"#),
        (
            "anthropic",
            r#"{"type": "message", "content": [{"type": "text", "text": "It is 4711."}]}"#,
        ),
        (
            "openai",
            r#"{"object": "response", "output": [{"type": "message", "content": [{"text": "It is 4711."}]}]}"#,
        ),
    ];
    for (name, body) in whole {
        let (url, _served) = replay(DOCUMENT, body.as_bytes(), 7).await;
        let reply = send(provider(name, &url).as_ref(), &request("hi")).await.0.unwrap();
        assert_eq!(
            (reply.message.text().as_str(), reply.stop),
            ("It is 4711.", Stop::End),
            "{name}"
        );
    }
    let foreign: [(&str, &[u8]); 6] = [
        (DOCUMENT, b"{}"),
        (DOCUMENT, b"{\"id\": 1"),
        (OK, b"\xff\xfe\xfd\xfc\x00\x01"),
        (OK, b"\xff\xfe\nmore\xfd"),
        (OK, b"data: \xff\xfe\xfd"),
        (OK, b"{\"error\": \"no such thing\"}\n"),
    ];
    for (head, body) in foreign {
        for (name, _) in ALL {
            let (url, _served) = replay(head, body, 3).await;
            let failure = send(provider(name, &url).as_ref(), &request("hi")).await.0.unwrap_err();
            assert!(failure.is(failure::PROVIDER), "{name} {body:?}: {failure}");
        }
    }
    for name in ["chat", "gemini"] {
        let (url, _served) = replay(DOCUMENT, b"{\"error\": \"model overloaded\"}", 9).await;
        let failure = send(provider(name, &url).as_ref(), &request("hi")).await.0.unwrap_err();
        assert!(failure.is(failure::OVERLOADED), "{name}: {failure}");
        let begin = "acme: model `m-1` failed: model overloaded; ";
        assert!(failure.message.starts_with(begin), "{name}: {failure}");
    }
    // Only a comment has come: that is a stream, and was cut.
    let (url, _served) = replay(OK, b": wait\n\n", 3).await;
    let failure = send(provider("chat", &url).as_ref(), &request("hi")).await.0.unwrap_err();
    assert!(failure.is(failure::CONNECTION), "{failure}");
}

#[tokio::test]
async fn a_server_that_tells_no_usage_is_counted_by_length() {
    let said = b"data: {\"choices\": [{\"delta\": {\"content\": \"four words are here\"}, \"finish_reason\": \"stop\"}]}\n\n";
    let (url, _served) = replay(OK, said, 100).await;
    let usage = send(provider("chat", &url).as_ref(), &request("12345678")).await.0.unwrap().usage;
    assert!(usage.guessed && usage.output > 4, "{usage:?}");
    assert_eq!(usage.input, 2);
}
