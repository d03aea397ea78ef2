//! What the model is told of arguments that do not fit.

use super::check;
use serde_json::{Value, json};

fn told(schema: &Value, value: &Value) -> String {
    check(schema, value).expect_err("it does not fit")
}

#[test]
fn names_the_field_what_was_expected_and_what_was_given() {
    let schema = json!({
        "type": "object",
        "properties": {
            "order": { "type": "integer", "minimum": 1 },
            "how": { "enum": ["fast", "slow"] },
            "to": { "type": "object", "properties": { "city": { "type": ["string", "null"] } } },
            "list": { "type": "array", "items": { "type": "string" }, "maxItems": 2 },
        },
        "required": ["order"],
        "additionalProperties": false,
    });
    let told = |value: Value| told(&schema, &value);
    assert_eq!(
        told(json!({ "id": 1 })),
        "`order` is missing: expected an integer; given were `id`"
    );
    assert_eq!(told(json!({})), "`order` is missing: expected an integer; given were no fields");
    assert_eq!(told(json!({ "order": "5" })), "`order` must be an integer, given was \"5\"");
    assert_eq!(told(json!({ "order": 1.5 })), "`order` must be an integer, given was 1.5");
    assert_eq!(told(json!({ "order": 0 })), "`order` must be at least 1, given was 0");
    assert_eq!(
        told(json!({ "order": 1, "how": "now" })),
        "`how` must be one of \"fast\", \"slow\", given was \"now\""
    );
    assert_eq!(
        told(json!({ "order": 1, "to": { "city": 5 } })),
        "`to.city` must be a string or null, given was 5"
    );
    assert_eq!(
        told(json!({ "order": 1, "list": ["a", 1] })),
        "`list.1` must be a string, given was 1"
    );
    assert!(told(json!({ "order": 1, "list": ["a", "b", "c"] })).contains("at most 2 items"));
    assert_eq!(
        told(json!({ "order": 1, "x": 1 })),
        "`x` is not known: expected only `how`, `list`, `order`, `to`"
    );
    assert_eq!(told(json!("order 5")), "the arguments must be an object, given was \"order 5\"");
    let long = told(json!({ "order": "é".repeat(10_000) }));
    assert!(long.len() < 300, "{long}");
    assert_eq!(check(&schema, &json!({ "order": 1.0, "to": { "city": null } })), Ok(()));
}

#[test]
fn alternatives_and_references() {
    let schema = json!({
        "type": "object",
        "$defs": { "node": {
            "type": "object",
            "properties": { "next": { "$ref": "#/$defs/node" }, "name": { "type": "string" } },
        } },
        "properties": {
            "either": { "anyOf": [{ "type": "string" }, { "type": "integer" }] },
            "node": { "$ref": "#/$defs/node" },
        },
    });
    assert_eq!(
        check(&schema, &json!({ "either": 1, "node": { "next": { "name": "a" } } })),
        Ok(())
    );
    assert!(told(&schema, &json!({ "either": [] })).contains("none of these fits: `either`"));
    assert_eq!(
        told(&schema, &json!({ "node": { "next": { "next": { "name": 1 } } } })),
        "`node.next.next.name` must be a string, given was 1"
    );
    let doubling = json!({ "anyOf": [{ "$ref": "#", "const": 1 }, { "$ref": "#", "const": 2 }] });
    let _ = check(&doubling, &json!({}));
    let endless = json!({ "$ref": "#" });
    assert_eq!(check(&endless, &json!({})), Ok(()));
}
