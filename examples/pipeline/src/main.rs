//! A pipeline: a letter is sorted, answered, and the answer checked. What each stage
//! gives is held against a schema before the next one begins.

use greenroom::agent::architecture::{Fallback, Pipeline, Stage};
use greenroom::{Failure, Registry, Step};
use serde_json::{Value, json};

/// What must never go out, whoever wrote it.
async fn check(_: Step, reply: Value) -> Result<Value, Failure> {
    let text = reply["reply"].as_str().unwrap_or_default();
    if text.to_lowercase().contains("refund") {
        return Err(Failure::fatal("promise", "the reply promises money"));
    }
    Ok(json!({ "reply": text, "letters": text.len() }))
}

fn main() -> std::process::ExitCode {
    let sorted = json!({
        "type": "object",
        "properties": {
            "about": {"enum": ["delivery", "quality", "other"]},
            "urgency": {"type": "integer", "minimum": 1, "maximum": 3},
            "wish": {"type": "string"},
        },
        "required": ["about", "urgency", "wish"],
    });
    let reply = json!({
        "type": "object",
        "properties": {"reply": {"type": "string", "minLength": 20}},
        "required": ["reply"],
    });
    let unsorted =
        json!({"about": "other", "urgency": 3, "wish": "unknown: a person has to read it"});
    // The agents are in agents/*.md.
    let pipeline = Pipeline::new("letter")
        .stage(Stage::agent("sorter").gives_schema(sorted).or(Fallback::Value(unsorted)))
        .stage(Stage::agent("writer").gives_schema(reply).or(Fallback::Ask))
        .stage(Stage::function("check", check).or(Fallback::Ask));
    greenroom::main(pipeline.register(Registry::new()))
}
