//! Secrets in results and errors.

use super::*;
use crate::conversation::{Raw, Role};
use crate::provider::Usage;
use serde_json::json;

#[test]
fn they_are_taken_out_wherever_they_stand() {
    let secrets = ["sk-0123456789", "sk-0123456789-long", "short"].map(Secret::new);
    let redact = Redact::new(secrets);
    let value =
        json!({"env": ["A=sk-0123456789-long", {"sk-0123456789": 1}], "n": 2, "w": "short"});
    let told = redact.result(Ok(value)).unwrap();
    assert_eq!(told, json!({"env": ["A=[redacted]", {"[redacted]": 1}], "n": 2, "w": "short"}));
    let failed = redact.result(Err(Failure::new("x", "no: sk-0123456789"))).unwrap_err();
    assert_eq!(failed.message, "no: [redacted]");
    assert!(failed.retryable);
}

#[test]
fn a_reply_with_one_is_not_given_back_to_the_letter() {
    let redact = Redact::only([Secret::new("ab/cd\"0123")]);
    let raw = |said: &str| Raw {
        protocol: "chat".into(),
        by: None,
        blocks: serde_json::from_str(said).unwrap(),
    };
    let reply = |said: &str| Reply {
        message: Message { role: Role::Assistant, content: Vec::new(), raw: Some(raw(said)) },
        stop: Stop::End,
        usage: Usage::default(),
        model: "m".into(),
    };
    let plain = r#"{"thought":"ab/cd","n":1e400}"#;
    assert_eq!(redact.reply(reply(plain)), reply(plain));
    for said in [r#"{"thought":"ab/cd\"0123"}"#, r#"["ab\/cd\"0123"]"#] {
        assert_eq!(redact.reply(reply(said)).message.raw, None, "{said}");
    }
}
