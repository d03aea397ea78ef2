//! Schemas that are none.

use super::*;
use serde_json::json;

#[test]
fn what_is_no_schema_is_told_with_its_place() {
    let wrong = [
        (json!({"type": "nope"}), "type", "no type `nope`"),
        (json!({"type": "strng"}), "type", "did you mean `string`?"),
        (json!({"type": ["string", 7]}), "type", "7 is no type"),
        (json!({"type": []}), "type", "[] is no type"),
        (json!("object"), "", "no schema"),
        (json!({"properties": {"n": {"type": "int"}}}), "properties.n.type", "`int`"),
        (json!({"properties": {"n": "string"}}), "properties.n", "no schema"),
        (json!({"properties": ["n"]}), "properties", "by name"),
        (json!({"required": "n"}), "required", "names"),
        (json!({"items": [{"type": "string"}]}), "items", "no schema"),
        (json!({"anyOf": []}), "anyOf", "a list of schemas"),
        (json!({"anyOf": [{"type": "x"}]}), "anyOf.0.type", "`x`"),
        (json!({"enum": "a"}), "enum", "a list"),
        (json!({"minimum": "1"}), "minimum", "no number"),
        (json!({"maxLength": -1}), "maxLength", "no count"),
        (json!({"$ref": "#/$defs/x"}), "$ref", "nowhere"),
    ];
    for (schema, at, words) in wrong {
        let unsound = sound(&schema).unwrap_err();
        assert!(unsound.at == at && unsound.words.contains(words), "{schema}: {unsound:?}");
    }
}

#[test]
fn what_is_one_is_let_pass() {
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
            // Names of fields are no words of the schema.
            "type": {"type": ["string", "null"], "minLength": 1, "format": "date"},
            "list": {"type": "array", "items": {"$ref": "#/$defs/one"}},
            "any": true,
        },
        "required": ["type"],
        "additionalProperties": false,
        "$defs": {"one": {"anyOf": [{"const": 1}, {"enum": ["a"]}]}},
    });
    assert_eq!(sound(&schema), Ok(()));
    assert_eq!(sound(&json!({})), Ok(()));
}
