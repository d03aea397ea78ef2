//! Whether a value is what a JSON schema asks for, in words for a model.
//!
//! The part of JSON Schema that tools' arguments use: type, enum, const, required,
//! properties, additionalProperties, items, bounds, anyOf, oneOf, allOf and references
//! inside the schema. What it does not know lets everything pass: the tool itself has
//! the last word. Pure.

mod sound;
#[cfg(test)]
mod tests;

pub use sound::{Unsound, sound};

use serde_json::{Map, Value};
use std::cell::Cell;

/// References and nested schemas are followed so deep: a schema may hold itself.
const DEPTH_MAX: usize = 64;

/// So many pairs of schema and value are looked at: alternatives that hold themselves
/// double with each level.
const VISITS_MAX: u32 = 20_000;

/// A given value is shown up to this many characters.
const SHOWN_MAX: usize = 60;

/// Whether `value` is what `schema` asks for. Errors: which field, what was expected,
/// what was given.
pub fn check(schema: &Value, value: &Value) -> Result<(), String> {
    Check { root: schema, left: Cell::new(VISITS_MAX) }.value(schema, value, "", 0)
}

struct Check<'a> {
    root: &'a Value,
    left: Cell<u32>,
}

impl Check<'_> {
    fn value(&self, schema: &Value, value: &Value, at: &str, depth: usize) -> Result<(), String> {
        let Some(schema) = schema.as_object() else {
            return match schema {
                Value::Bool(false) => Err(format!("{}: nothing is allowed here", field(at))),
                _ => Ok(()),
            };
        };
        let Some(left) = self.left.get().checked_sub(1).filter(|_| depth <= DEPTH_MAX) else {
            return Ok(());
        };
        self.left.set(left);
        let target = schema.get("$ref").and_then(Value::as_str);
        if let Some(target) = target.and_then(|name| self.root.pointer(name.strip_prefix('#')?)) {
            self.value(target, value, at, depth + 1)?;
        }
        is_of_type(schema, value, at)?;
        is_one_of(schema, value, at)?;
        is_within(schema, value, at)?;
        self.fields(schema, value, at, depth)?;
        self.items(schema, value, at, depth)?;
        self.alternatives(schema, value, at, depth)
    }

    fn fields(
        &self,
        schema: &Map<String, Value>,
        value: &Value,
        at: &str,
        depth: usize,
    ) -> Result<(), String> {
        let Some(given) = value.as_object() else { return Ok(()) };
        let none = Map::new();
        let known = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
        for name in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
            let Some(name) = name.as_str().filter(|name| !given.contains_key(*name)) else {
                continue;
            };
            let expected = known.get(name).map_or("a value".to_owned(), in_words);
            let names = listed(given.keys().map(String::as_str));
            return Err(format!(
                "{} is missing: expected {expected}; given were {names}",
                field(&format!("{at}/{name}"))
            ));
        }
        let rest = schema.get("additionalProperties");
        let by_pattern = schema.contains_key("patternProperties");
        for (name, value) in given {
            let at = format!("{at}/{name}");
            match (known.get(name), rest) {
                (Some(schema), _) => self.value(schema, value, &at, depth + 1)?,
                (None, Some(Value::Bool(false))) if !by_pattern => {
                    let names = listed(known.keys().map(String::as_str));
                    return Err(format!("{} is not known: expected only {names}", field(&at)));
                }
                (None, Some(schema)) if !by_pattern => self.value(schema, value, &at, depth + 1)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn items(
        &self,
        schema: &Map<String, Value>,
        value: &Value,
        at: &str,
        depth: usize,
    ) -> Result<(), String> {
        let Some(given) = value.as_array() else { return Ok(()) };
        let first = schema.get("prefixItems").and_then(Value::as_array);
        let first = first.map_or(&[][..], Vec::as_slice);
        for (number, value) in given.iter().enumerate() {
            if let Some(schema) = first.get(number).or_else(|| schema.get("items")) {
                self.value(schema, value, &format!("{at}/{number}"), depth + 1)?;
            }
        }
        Ok(())
    }

    fn alternatives(
        &self,
        schema: &Map<String, Value>,
        value: &Value,
        at: &str,
        depth: usize,
    ) -> Result<(), String> {
        for all in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            self.value(all, value, at, depth + 1)?;
        }
        for word in ["anyOf", "oneOf"] {
            let Some(choices) = schema.get(word).and_then(Value::as_array) else { continue };
            let errors: Vec<String> = choices
                .iter()
                .map_while(|choice| self.value(choice, value, at, depth + 1).err())
                .collect();
            if errors.len() == choices.len() && !choices.is_empty() {
                return Err(format!("none of these fits: {}", errors.join("; or ")));
            }
        }
        Ok(())
    }
}

fn is_of_type(schema: &Map<String, Value>, value: &Value, at: &str) -> Result<(), String> {
    let Some(expected) = schema.get("type") else { return Ok(()) };
    let fits = match expected {
        Value::String(name) => is(name, value),
        Value::Array(names) => names.iter().filter_map(Value::as_str).any(|name| is(name, value)),
        _ => true,
    };
    if fits {
        return Ok(());
    }
    let expected = in_words(&Value::Object(schema.clone()));
    Err(format!("{} must be {expected}, given was {}", field(at), shown(value)))
}

fn is(name: &str, value: &Value) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "integer" => {
            value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|n| n.fract() == 0.0)
        }
        _ => true,
    }
}

fn is_one_of(schema: &Map<String, Value>, value: &Value, at: &str) -> Result<(), String> {
    let fits = match (schema.get("enum").and_then(Value::as_array), schema.get("const")) {
        (Some(values), _) => values.contains(value),
        (None, Some(only)) => only == value,
        (None, None) => true,
    };
    if fits {
        return Ok(());
    }
    let expected = in_words(&Value::Object(schema.clone()));
    Err(format!("{} must be {expected}, given was {}", field(at), shown(value)))
}

fn is_within(schema: &Map<String, Value>, value: &Value, at: &str) -> Result<(), String> {
    let size = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => Some(count(text.chars().count())),
        Value::Array(items) => Some(count(items.len())),
        _ => None,
    };
    let (least, most, what) = match value {
        Value::String(_) => ("minLength", "maxLength", " characters long"),
        Value::Array(_) => ("minItems", "maxItems", " items long"),
        _ => ("minimum", "maximum", ""),
    };
    let Some(size) = size else { return Ok(()) };
    let bound = |word: &str| schema.get(word).and_then(Value::as_f64);
    let wrong = |words: &str, bound: f64| {
        Err(format!("{} must be {words} {bound}{what}, given was {}", field(at), shown(value)))
    };
    match (bound(least), bound(most), bound("exclusiveMinimum"), bound("exclusiveMaximum")) {
        (Some(least), ..) if size < least => wrong("at least", least),
        (_, Some(most), ..) if size > most => wrong("at most", most),
        (_, _, Some(low), _) if value.is_number() && size <= low => wrong("more than", low),
        (_, _, _, Some(high)) if value.is_number() && size >= high => wrong("less than", high),
        _ => Ok(()),
    }
}

#[expect(clippy::cast_precision_loss, reason = "no text has 2^52 characters")]
fn count(length: usize) -> f64 {
    length as f64
}

/// The field in words: `/a/b` is `a.b`.
fn field(at: &str) -> String {
    match at.strip_prefix('/') {
        None => "the arguments".to_owned(),
        Some(path) => format!("`{}`", path.replace('/', ".")),
    }
}

/// What a schema asks for, in a few words.
fn in_words(schema: &Value) -> String {
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        let values: Vec<String> = values.iter().map(Value::to_string).collect();
        return format!("one of {}", values.join(", "));
    }
    if let Some(only) = schema.get("const") {
        return only.to_string();
    }
    let with_article = |name: &str| match name {
        "null" => "null".to_owned(),
        "object" | "array" | "integer" => format!("an {name}"),
        _ => format!("a {name}"),
    };
    match schema.get("type") {
        Some(Value::String(name)) => with_article(name),
        Some(Value::Array(names)) => {
            let names: Vec<String> =
                names.iter().filter_map(Value::as_str).map(with_article).collect();
            names.join(" or ")
        }
        _ => "a value".to_owned(),
    }
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.take(20).map(|name| format!("`{name}`")).collect();
    if names.is_empty() { "no fields".to_owned() } else { names.join(", ") }
}
