//! What a request is made with is told nobody, whatever the server makes of it.

use crate::exact::events;
use crate::house::House;
use crate::line::Line;
use crate::support::{eventually, request, send};
use greenroom_agent::provider::{Chat, Endpoint, Key};
use greenroom_runtime::journal::Scope;
use serde_json::json;
use std::time::Duration;

/// Cargo sets it for every test: it stands in for a secret.
const SECRET_ENV: &str = "CARGO_PKG_DESCRIPTION";
const SECRET: &str = env!("CARGO_PKG_DESCRIPTION");

fn refusal() -> String {
    let body = json!({"error": {"message": format!("Incorrect API key provided: {SECRET}")}});
    let head = "HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\nconnection: close";
    format!("{head}\r\n\r\n{body}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_that_a_server_quotes_is_in_no_state_and_no_journal() {
    let line = Line::new(|_| refusal()).await;
    let config = format!(
        "[providers.acme]\nprotocol = \"chat\"\nurl = \"{}\"\n\
         headers = {{ x-acme-key = \"Basic ${{{SECRET_ENV}}}\" }}\n\
         [models]\ndefault = \"acme/big\"\n",
        line.url
    );
    let house = House::new(line, &config, 100_000).await;
    let id = house.start().await;
    eventually(|| !house.line.bodies().is_empty()).await;
    house.until(&id, |key, value| key == "problem" && !value.is_null()).await;
    let state = format!("{:?}", house.node.state(&id).await.unwrap());
    assert!(state.contains("Incorrect API key provided: [redacted]"), "{state}");
    let history = format!("{:?}", house.node.history(&id, Scope::Whole).await.unwrap());
    assert!(history.contains("Incorrect API key provided: [redacted]"), "{history}");
    assert!(!state.contains(SECRET) && !history.contains(SECRET), "{state} {history}");
    house.node.stop(Duration::ZERO).await;
}

/// In complaints, in what is no reply, and in replies: words, thoughts, arguments, and the
/// form that goes back to the letter.
#[tokio::test]
async fn whatever_a_server_quotes_of_a_request_is_taken_out() {
    let quoted = json!(format!("<{SECRET}>"));
    let chunk = |delta: &str, finish: &str| {
        format!(r#"{{"model":{quoted},"choices":[{{"delta":{delta},"finish_reason":{finish}}}]}}"#)
    };
    let arguments = json!(json!({"key": SECRET}).to_string());
    let call = format!(
        r#"{{"tool_calls":[{{"id":{quoted},"function":{{"name":{quoted},"arguments":{arguments}}}}}]}}"#
    );
    let said = format!(r#"{{"content":{quoted},"reasoning":{quoted}}}"#);
    let answers = [
        refusal(),
        events(&[&format!(r#"{{"error":{{"message":{quoted},"code":{quoted}}}}}"#)]),
        events(&[&format!("{SECRET} {{")]),
        events(&[&chunk(&said, "null"), &chunk(&call, &quoted.to_string()), "[DONE]"]),
        // The last of it alone.
        events(&[&chunk(&said, "\"stop\""), "[DONE]"]),
    ];
    let count = answers.len();
    let line = Line::new(move |number| answers[number].clone()).await;
    let mut endpoint = Endpoint::new("acme", line.url.clone(), Key::None);
    endpoint.headers.push(("x-acme-key".into(), format!("Basic ${{{SECRET_ENV}}}")));
    let provider = Chat::new(endpoint);
    for number in 0..count {
        let (reply, deltas) = send(&provider, &request("hello")).await;
        let shown = format!("{reply:?} {deltas:?}");
        assert!(shown.contains("[redacted]") && !shown.contains(SECRET), "{number}: {shown}");
        assert_eq!(reply.is_ok(), number >= 3, "{shown}");
    }
}
