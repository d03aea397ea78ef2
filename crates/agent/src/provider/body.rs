//! What the protocols' requests and replies have in common. Knows none of them.

#[cfg(test)]
mod tests;

use super::reply::Usage;
use serde_json::{Map, Value, json};

/// Puts further fields into a request: objects are united, all else is replaced.
pub(crate) fn merge(body: &mut Value, extra: &Map<String, Value>) {
    let Value::Object(fields) = body else { return };
    for (name, value) in extra {
        match (fields.get_mut(name), value) {
            (Some(old @ Value::Object(_)), Value::Object(new)) => merge(old, new),
            _ => {
                fields.insert(name.clone(), value.clone());
            }
        }
    }
}

/// Sets a field, if there is something to set.
pub(crate) fn set(body: &mut Value, name: &str, value: Option<Value>) {
    if let (Value::Object(fields), Some(value)) = (body, value) {
        fields.insert(name.to_owned(), value);
    }
}

/// A tool call's arguments as the model wrote them: what is no JSON object stays its
/// text. No text at all is a call without arguments.
pub(crate) fn arguments(text: &str) -> Value {
    if text.trim().is_empty() {
        return json!({});
    }
    match serde_json::from_str::<Value>(text) {
        Ok(value @ Value::Object(_)) => value,
        _ => Value::String(text.to_owned()),
    }
}

/// The same the other way: what a protocol takes as text.
pub(crate) fn arguments_text(arguments: &Value) -> String {
    match arguments {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

/// An object, whatever the model wrote: some protocols take nothing else. The name
/// of the field is Anthropic's advice.
pub(crate) fn arguments_object(arguments: &Value) -> Value {
    match arguments {
        Value::Object(_) => arguments.clone(),
        other => json!({ "INVALID_JSON": other }),
    }
}

/// A failed tool's words, for protocols that have no mark for it.
pub(crate) fn result_text(content: &str, failed: bool) -> String {
    let has_mark = content.get(..5).is_some_and(|begin| begin.eq_ignore_ascii_case("error"));
    if failed && !has_mark { format!("error: {content}") } else { content.to_owned() }
}

/// Ids for the calls of a reply whose server gave none. The same for every attempt
/// of one call, and different from those of other calls.
pub(crate) struct Ids {
    mark: u64,
    count: usize,
}

/// What ids of our own making begin with.
const OWN: &str = "greenroom_";

impl Ids {
    pub fn new(key: &str) -> Ids {
        // FNV-1a: two calls of one conversation must differ, no more.
        let mark = key.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Ids { mark, count: 0 }
    }

    pub fn next(&mut self) -> String {
        self.count += 1;
        format!("{OWN}{:016x}_{}", self.mark, self.count)
    }

    /// Whether an id is of our making, so that no server knows it.
    pub fn is_own(id: &str) -> bool {
        id.starts_with(OWN)
    }
}

/// A count in a reply's usage, by its JSON pointer; 0 if it is not there.
pub(crate) fn count(usage: &Value, pointer: &str) -> u64 {
    usage.pointer(pointer).and_then(Value::as_u64).unwrap_or(0)
}

/// What a call took, for a server that does not say: four characters are a token.
pub(crate) fn guessed(sent_chars: usize, got_chars: usize) -> Usage {
    let tokens = |chars: usize| (chars as u64).div_ceil(4);
    Usage {
        input: tokens(sent_chars),
        output: tokens(got_chars),
        guessed: true,
        ..Usage::default()
    }
}

/// Whether OpenAI's strict mode takes this schema: every object names all its fields
/// as required and lets no others in.
pub(crate) fn is_strict(schema: &Value) -> bool {
    match schema {
        Value::Object(fields) => {
            let properties = fields.get("properties").and_then(Value::as_object);
            let is_object = properties.is_some() || fields.get("type") == Some(&json!("object"));
            let required = fields.get("required").and_then(Value::as_array);
            let is_required = |name: &String| {
                required.is_some_and(|required| required.iter().any(|r| r == name.as_str()))
            };
            let is_closed = fields.get("additionalProperties") == Some(&json!(false))
                && properties.is_none_or(|properties| properties.keys().all(is_required));
            (!is_object || is_closed) && fields.values().all(is_strict)
        }
        Value::Array(values) => values.iter().all(is_strict),
        _ => true,
    }
}

/// What Anthropic's structured output takes of a schema: objects are closed, and
/// bounds that it refuses are left out. Whoever asked holds the reply against the
/// whole schema.
pub(crate) fn closed(schema: &Value) -> Value {
    const REFUSED: [&str; 10] = [
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
        "uniqueItems",
    ];
    // Fields' names are no keywords: a field may be called `minimum`.
    let fields_of = |value: &Value| match value {
        Value::Object(fields) => {
            fields.iter().map(|(name, schema)| (name.clone(), closed(schema))).collect()
        }
        other => other.clone(),
    };
    match schema {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(name, _)| !REFUSED.contains(&name.as_str()));
            let mut out: Map<String, Value> = kept
                .map(|(name, value)| match name.as_str() {
                    "properties" | "$defs" | "definitions" => (name.clone(), fields_of(value)),
                    // Data, not schemas.
                    "const" | "default" | "enum" | "examples" => (name.clone(), value.clone()),
                    _ => (name.clone(), closed(value)),
                })
                .collect();
            if fields.contains_key("properties") || fields.get("type") == Some(&json!("object")) {
                out.insert("additionalProperties".to_owned(), json!(false));
            }
            Value::Object(out)
        }
        Value::Array(values) => Value::Array(values.iter().map(closed).collect()),
        other => other.clone(),
    }
}
