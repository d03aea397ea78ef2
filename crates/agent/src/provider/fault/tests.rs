//! What servers say, and which failure it becomes.

use super::{Asked, Complaint, MESSAGE_MAX, retry_after, span};
use crate::provider::{Redact, Secret, failure};
use serde_json::json;
use std::time::Duration;

fn asked() -> Asked {
    let redact = Redact::only([Secret::new("sk-hush-0123456789")]);
    let (provider, model, url) = ("acme".into(), "m-1".into(), "https://acme.test".into());
    Asked { provider, model, url, redact }
}

#[test]
fn statuses_and_words() {
    let anthropic = r#"{"type":"error","error":{"type":"rate_limit_error","message":"Number of request tokens has exceeded your limit"},"request_id":"req_1"}"#;
    let overloaded =
        r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    let long = r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"}}"#;
    let credit = r#"{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the Anthropic API."}}"#;
    let quota = r#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#;
    let no_model = r#"{"error":{"message":"The model `gpt-x` does not exist","type":"invalid_request_error","param":null,"code":"model_not_found"}}"#;
    let length = r#"{"error":{"message":"This model's maximum context length is 128000 tokens.","type":"invalid_request_error","code":"context_length_exceeded"}}"#;
    let gemini = r#"[{"error":{"code":429,"message":"You exceeded your current quota, please check your plan and billing details.","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34.5s"}]}}]"#;
    let gemini_key = r#"{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT"}}"#;
    let llama = r#"{"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error","n_ctx":4096}}"#;
    let vllm = r#"{"object":"error","message":"The model `x` does not exist.","type":"NotFoundError","code":404}"#;
    let ollama = r#"{"error":"model \"x\" not found, try pulling it first"}"#;
    let cases: &[(u16, &str, &str, bool)] = &[
        (429, anthropic, failure::RATE_LIMITED, true),
        (529, overloaded, failure::OVERLOADED, true),
        (500, overloaded, failure::OVERLOADED, true),
        (400, long, failure::CONTEXT_TOO_LONG, false),
        (400, credit, failure::QUOTA, false),
        (429, quota, failure::QUOTA, false),
        (404, no_model, failure::NO_MODEL, false),
        (400, no_model, failure::NO_MODEL, false),
        (400, length, failure::CONTEXT_TOO_LONG, false),
        (429, gemini, failure::RATE_LIMITED, true),
        (400, gemini_key, failure::AUTH, false),
        (400, llama, failure::CONTEXT_TOO_LONG, false),
        (404, vllm, failure::NO_MODEL, false),
        (404, ollama, failure::NO_MODEL, false),
        (401, "", failure::AUTH, false),
        (402, "", failure::QUOTA, false),
        (403, "", failure::AUTH, false),
        (408, "", failure::PROVIDER, true),
        (413, "", failure::CONTEXT_TOO_LONG, false),
        (422, "{}", failure::BAD_REQUEST, false),
        (301, "", failure::BAD_REQUEST, false),
        (500, "<html>oops</html>", failure::PROVIDER, true),
        (502, "", failure::PROVIDER, true),
        (503, "", failure::OVERLOADED, true),
    ];
    for (status, body, kind, retryable) in cases {
        let failure = Complaint::of_response(*status, body, None).into_failure(&asked());
        assert_eq!(
            (failure.kind.as_ref(), failure.retryable),
            (*kind, *retryable),
            "{status} {body}"
        );
        for part in ["acme", "m-1", &status.to_string(), "; "] {
            assert!(failure.message.contains(part), "{part}: {failure}");
        }
    }
    let failure = Complaint::of_response(429, gemini, None).into_failure(&asked());
    assert_eq!(failure.retry_after_ms, Some(34_500));
}

#[test]
fn the_text_names_the_cause_and_what_to_do() {
    let body = r#"{"error":{"type":"rate_limit_error","message":"Slow down."}}"#;
    let wait = Some(Duration::from_secs(7));
    let failure = Complaint::of_response(429, body, wait).into_failure(&asked());
    assert_eq!(
        failure.message,
        "acme: model `m-1` answered 429 (rate_limit_error): Slow down; it may be asked again in 7 s"
    );
    assert_eq!(failure.retry_after_ms, Some(7_000));
}

#[test]
fn an_error_inside_a_stream_has_no_status() {
    let said =
        json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}});
    let failure = Complaint::of_event(&said).into_failure(&asked());
    assert_eq!((failure.kind.as_ref(), failure.retryable), (failure::OVERLOADED, true));
    let said = json!({"error": {"message": "out of memory", "code": 502}});
    let failure = Complaint::of_event(&said).into_failure(&asked());
    assert_eq!((failure.kind.as_ref(), failure.retryable), (failure::PROVIDER, true));
    let said = json!({"code": "rate_limit_exceeded", "message": "Please try again"});
    let failure = Complaint::of_event(&said).into_failure(&asked());
    assert!(failure.is(failure::RATE_LIMITED));
    // None is made up.
    let begin = "acme: model `m-1` failed (rate_limit_exceeded): Please try again; ";
    assert!(failure.message.starts_with(begin), "{failure}");
    let said = json!({"error": {"message": "out of memory", "code": 502}});
    let failure = Complaint::of_event(&said).into_failure(&asked());
    assert!(failure.message.contains("answered 502"), "{failure}");
}

#[test]
fn a_secret_at_the_place_where_a_complaint_is_cut_is_not_told_by_half() {
    let secret = "sk-hush-0123456789";
    for place in MESSAGE_MAX - secret.len()..=MESSAGE_MAX {
        let said = format!("{} {secret} and more", "x".repeat(place));
        let failure = Complaint::of_response(401, &said, None).into_failure(&asked());
        assert!(!failure.message.contains("sk-"), "{place}: {failure}");
    }
    let failure = asked().no_json("oops", &format!("{} {secret}", "x".repeat(190)));
    assert!(!failure.message.contains("sk-"), "{failure}");
}

#[test]
fn a_long_complaint_is_cut() {
    let failure = Complaint::of_response(500, &"x".repeat(100_000), None).into_failure(&asked());
    assert!(failure.message.len() < 1_200);
}

type Headers = [(&'static str, &'static str)];

#[test]
fn how_long_to_wait() {
    let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
    let cases: &[(&Headers, Option<u64>)] = &[
        (&[("retry-after", "12")], Some(12_000)),
        (&[("retry-after", "0.5")], Some(500)),
        (&[("retry-after-ms", "250"), ("retry-after", "1")], Some(250)),
        (&[date, ("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT")], Some(30_000)),
        (&[date, ("retry-after", "Sun, 06 Nov 1994 08:40:00 GMT")], Some(0)),
        (&[("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT")], None),
        (&[("retry-after", "soon")], None),
        (&[("retry-after", "-3")], None),
        (
            &[
                date,
                ("anthropic-ratelimit-requests-remaining", "5"),
                ("anthropic-ratelimit-requests-reset", "1994-11-06T09:00:00Z"),
                ("anthropic-ratelimit-tokens-remaining", "0"),
                ("anthropic-ratelimit-tokens-reset", "1994-11-06T08:49:57Z"),
            ],
            Some(20_000),
        ),
        (
            &[("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "6m0s")],
            Some(360_000),
        ),
        (&[("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", "20ms")], Some(20)),
        (&[], None),
    ];
    for (headers, wait_ms) in cases {
        let header = |name: &str| headers.iter().find(|(n, _)| *n == name).map(|(_, value)| *value);
        let wait = retry_after(header).map(|wait| wait.as_millis());
        assert_eq!(wait, wait_ms.map(u128::from), "{headers:?}");
    }
}

#[test]
fn spans() {
    assert_eq!(span("1d2h3m4.5s"), Some(Duration::from_millis(93_784_500)));
    for wrong in ["5", "s", "1x", "1994-11-06T08:49:57Z", "1.2.3s"] {
        assert_eq!(span(wrong), None, "{wrong}");
    }
}
