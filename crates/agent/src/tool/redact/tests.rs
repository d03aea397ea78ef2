//! Secrets in results and errors.

use super::*;
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
