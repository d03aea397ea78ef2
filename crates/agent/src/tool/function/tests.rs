//! Functions as tools: their schema, their arguments, what they return.

use super::*;
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Speed {
    Fast,
    Slow,
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only read by its schema")]
struct Line {
    /// What.
    item: String,
    count: Option<u32>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only read by its schema")]
struct Order {
    /// The lines.
    lines: Vec<Line>,
    speed: Speed,
}

fn order() -> Tool {
    Tool::verb("order", "Orders.", |_: Ctx, order: Order| async move {
        Ok::<_, Failure>(order.lines.len())
    })
}

#[test]
fn the_schema_is_one_piece_and_has_the_words_on_the_fields() {
    let schema = order().spec.schema;
    let text = schema.to_string();
    assert!(
        !text.contains("$ref") && !text.contains("$defs") && !text.contains("$schema"),
        "{text}"
    );
    let line = &schema["properties"]["lines"]["items"]["properties"];
    assert_eq!(line["item"]["description"], "What.");
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(schema["required"], json!(["lines", "speed"]));
}

#[test]
fn arguments_are_checked_before_anything_is_done() {
    let tool = order();
    let why = |arguments: Value| tool.check(&arguments).expect_err("it does not fit");
    let failure = why(json!({ "lines": [{ "item": 1 }], "speed": "fast" }));
    assert_eq!(failure.kind, BAD_ARGUMENTS);
    assert!(!failure.retryable);
    assert_eq!(failure.message, "`lines.0.item` must be a string, given was 1");
    let wrong = why(json!({ "lines": [], "speed": "Fast" }));
    assert_eq!(wrong.message, "`speed` must be one of \"fast\", \"slow\", given was \"Fast\"");
    assert!(why(json!("not JSON")).message.starts_with("the arguments must be an object"));
    tool.check(&json!({ "lines": [{ "item": "a", "count": null }], "speed": "slow" })).unwrap();
}

#[test]
fn unit_is_no_arguments() {
    let tool = Tool::verb("now", "The time.", |_: Ctx, (): ()| async { Ok::<_, Failure>(1) });
    assert_eq!(tool.spec.schema, json!({ "type": "object", "properties": {} }));
    read::<()>(json!({})).unwrap();
    tool.check(&json!({})).unwrap();
}

#[test]
fn terms_are_set_in_one_line() {
    let tool = order()
        .read_only()
        .at_most_once()
        .approval(Approval::Always)
        .timeout(Duration::from_secs(5))
        .attempts(0)
        .queue("shop");
    assert!(tool.policy.read_only && tool.policy.at_most_once);
    assert_eq!(tool.policy.attempts_max, 1);
    assert_eq!(tool.policy.queue.as_deref(), Some("shop"));
    assert_eq!(tool.policy.timeout, Duration::from_secs(5));
    assert_eq!(tool.policy.approval, Approval::Always);
}
