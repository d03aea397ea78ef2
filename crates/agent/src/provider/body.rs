//! What the protocols' requests and replies have in common. Knows none of them.

#[cfg(test)]
mod tests;

use super::reply::{TOKENS_MAX, Usage};
use crate::verbatim::Verbatim;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use std::borrow::Cow;

/// A request: a protocol's fields, and what was said, where all that the provider itself
/// has sent goes back to the letter.
#[derive(Debug)]
pub(crate) struct Body<T> {
    pub fields: Value,
    /// The field with what was said.
    pub name: &'static str,
    pub said: Vec<T>,
}

impl<T: Serialize> Serialize for Body<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let fields = self.fields.as_object().into_iter().flatten();
        let mut is_replaced = false;
        for (name, value) in fields {
            is_replaced |= name == self.name;
            map.serialize_entry(name, value)?;
        }
        if !is_replaced {
            map.serialize_entry(self.name, &self.said)?;
        }
        map.end()
    }
}

/// A part of what was said.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Block<'a> {
    /// In words that any provider can be told.
    Told(Value),
    /// As the provider has sent it.
    Came(Cow<'a, RawValue>),
}

/// All that one side says in a row.
#[derive(Clone, Debug)]
pub(crate) struct Side<'a> {
    pub is_user: bool,
    pub blocks: Vec<Block<'a>>,
}

impl<'a> Side<'a> {
    /// Puts these behind what was said before.
    pub fn join(sides: &mut Vec<Side<'a>>, is_user: bool, blocks: Vec<Block<'a>>) {
        match sides.last_mut() {
            _ if blocks.is_empty() => {}
            Some(side) if side.is_user == is_user => side.blocks.extend(blocks),
            _ => sides.push(Side { is_user, blocks }),
        }
    }
}

/// The values of a list that a provider has sent, each as it came. `None`: it is no list.
pub(crate) fn came(blocks: &Verbatim) -> Option<Vec<Block<'_>>> {
    let blocks: Vec<&RawValue> = serde_json::from_str(blocks.text()).ok()?;
    Some(blocks.into_iter().map(|block| Block::Came(Cow::Borrowed(block))).collect())
}

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

/// The same of the model's own text, to the letter.
pub(crate) fn arguments_verbatim(text: &str) -> Verbatim {
    match serde_json::from_str::<Verbatim>(text) {
        Ok(object) if object.text().starts_with('{') => object,
        _ => Verbatim::of(&json!({ "INVALID_JSON": text })),
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

/// A count in a reply's usage, by its JSON pointer; 0 if it is not there. What is no count,
/// or more than can be, is more than is [believed](Usage::believed): some servers print
/// -1 as 18446744073709551615.
pub(crate) fn count(usage: &Value, pointer: &str) -> u64 {
    let said = usage.pointer(pointer).filter(|said| !said.is_null());
    said.map_or(0, |said| {
        let number = said.as_f64().filter(|number| (0.0..=TOKENS_MAX as f64).contains(number));
        number.map_or(u64::MAX, |number| number as u64)
    })
}

/// What a call took: what the server has said, if that can be, or else a guess.
pub(crate) fn counted(said: Usage, sent_chars: usize, got_chars: usize) -> Usage {
    match said.believed() {
        nothing if nothing.total() == 0 => guessed(sent_chars, got_chars),
        said => said,
    }
}

/// What a call took, for a server that does not say: four characters are a token.
fn guessed(sent_chars: usize, got_chars: usize) -> Usage {
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
