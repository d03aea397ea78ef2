//! The common parts, by their tables.

use super::{
    Ids, Usage, arguments, arguments_object, closed, count, counted, is_strict, merge, result_text,
};
use serde_json::{Map, Value, json};

#[test]
fn further_fields_are_united_with_what_is_there() {
    let mut body = json!({"a": {"x": 1, "y": 2}, "b": 1});
    let extra = json!({"a": {"y": 3, "z": 4}, "b": [1], "c": null});
    let extra: Map<String, Value> = extra.as_object().unwrap().clone();
    merge(&mut body, &extra);
    assert_eq!(body, json!({"a": {"x": 1, "y": 3, "z": 4}, "b": [1], "c": null}));
}

#[test]
fn arguments_are_an_object_or_the_models_text() {
    assert_eq!(arguments(r#"{"a":1}"#), json!({"a": 1}));
    assert_eq!(arguments(" "), json!({}));
    for text in [r#"{"a":"#, "[1]", "7", "\"x\"", "null", "yes"] {
        assert_eq!(arguments(text), json!(text));
        assert_eq!(arguments_object(&arguments(text)), json!({"INVALID_JSON": text}));
    }
}

#[test]
fn failed_results_say_so_once() {
    assert_eq!(result_text("no such file", true), "error: no such file");
    assert_eq!(result_text("Error: no such file", true), "Error: no such file");
    assert_eq!(result_text("errand done", false), "errand done");
    assert_eq!(result_text("é", true), "error: é");
}

#[test]
fn ids_differ_by_call_and_not_by_attempt() {
    let (mut a, mut b) = (Ids::new("agent/x:4"), Ids::new("agent/x:5"));
    let (first, second) = (a.next(), a.next());
    assert_ne!(first, second);
    assert_ne!(first, b.next());
    assert_eq!(first, Ids::new("agent/x:4").next());
    assert!(first.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'), "{first}");
}

#[test]
fn strictness() {
    let strict = json!({
        "type": "object", "required": ["a"], "additionalProperties": false,
        "properties": {"a": {"type": "array", "items": {"type": "string"}}},
    });
    assert!(is_strict(&strict));
    assert!(!is_strict(&json!({"type": "object", "properties": {"a": {}}})));
    let mut loose = strict.clone();
    loose["properties"]["a"]["items"] = json!({"type": "object"});
    assert!(!is_strict(&loose));
}

#[test]
fn a_schema_is_closed_and_its_bounds_left_out() {
    let schema = json!({
        "type": "object",
        "properties": {
            "minimum": {"type": "integer", "minimum": 3},
            "list": {"type": "array", "maxItems": 2, "items": {"properties": {"x": {}}}},
            "word": {"enum": [{"type": "object"}]},
        },
    });
    let expected = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "minimum": {"type": "integer"},
            "list": {
                "type": "array",
                "items": {"properties": {"x": {}}, "additionalProperties": false},
            },
            "word": {"enum": [{"type": "object"}]},
        },
    });
    assert_eq!(closed(&schema), expected);
}

#[test]
fn counts_that_cannot_be_are_not_believed() {
    let read = |said: &str| count(&serde_json::from_str(said).unwrap(), "/n");
    for said in ["{}", "null", r#"{"n":null}"#, r#"{"n":0}"#] {
        assert_eq!(read(said), 0, "{said}");
    }
    assert_eq!((read(r#"{"n":12}"#), read(r#"{"n":12.0}"#)), (12, 12));
    for said in ["-1", "18446744073709551615", "100000001", "1e30", "-0.5", "\"12\"", "[]"] {
        let input = read(&format!("{{\"n\":{said}}}"));
        let usage = counted(Usage { input, output: 7, ..Usage::default() }, 40, 8);
        assert_eq!((usage.input, usage.output, usage.guessed), (10, 2, true), "{said}");
    }
    let usage = Usage { input: 100_000_000, output: 7, ..Usage::default() };
    assert_eq!(counted(usage, 40, 8), usage);
}
