//! Whether a JSON schema is one, so that a word that is mistyped does not let everything
//! pass. Of the words that [`check`](super::check) knows; others are let be. Pure.

#[cfg(test)]
mod tests;

use super::DEPTH_MAX;
use crate::nearest::nearest;
use serde_json::{Map, Value};

/// A schema that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsound {
    /// Where in it: names of fields, `properties.n.type`; empty: all of it.
    pub at: String,
    /// What is wrong and what is expected.
    pub words: String,
}

const TYPES: [&str; 7] = ["object", "array", "string", "number", "integer", "boolean", "null"];

/// Words with a number.
const NUMBERS: [&str; 5] =
    ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"];

/// Words with a count.
const COUNTS: [&str; 6] =
    ["minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"];

/// Whether it is a schema.
///
/// # Errors
/// Where it is none, and why.
pub fn sound(schema: &Value) -> Result<(), Unsound> {
    is_schema(schema, schema, "", 0)
}

fn no<T>(at: &str, words: impl Into<String>) -> Result<T, Unsound> {
    Err(Unsound { at: at.to_owned(), words: words.into() })
}

fn below(at: &str, name: &str) -> String {
    if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") }
}

fn is_schema(root: &Value, schema: &Value, at: &str, depth: usize) -> Result<(), Unsound> {
    if depth > DEPTH_MAX {
        return no(at, format!("it is nested deeper than {DEPTH_MAX} levels"));
    }
    let fields = match schema {
        Value::Object(fields) => fields,
        Value::Bool(_) => return Ok(()),
        other => return no(at, format!("{other} is no schema: write an object of JSON Schema")),
    };
    for (word, value) in fields {
        let at = below(at, word);
        match word.as_str() {
            "type" => is_type(value, &at)?,
            "required" => is_names(value, &at)?,
            "enum" if value.as_array().is_none_or(Vec::is_empty) => {
                return no(&at, "expected a list of the values there may be");
            }
            "$ref" => leads_somewhere(root, value, &at)?,
            "properties" | "patternProperties" | "$defs" | "definitions" => {
                for (name, schema) in is_object(value, &at)? {
                    is_schema(root, schema, &below(&at, name), depth + 1)?;
                }
            }
            "additionalProperties" | "items" | "not" | "contains" => {
                is_schema(root, value, &at, depth + 1)?;
            }
            "anyOf" | "oneOf" | "allOf" | "prefixItems" => {
                let Some(all) = value.as_array().filter(|all| !all.is_empty()) else {
                    return no(&at, "expected a list of schemas");
                };
                for (number, schema) in all.iter().enumerate() {
                    is_schema(root, schema, &below(&at, &number.to_string()), depth + 1)?;
                }
            }
            word if NUMBERS.contains(&word) && !value.is_number() => {
                return no(&at, format!("{value} is no number"));
            }
            word if COUNTS.contains(&word) && !value.is_u64() => {
                return no(&at, format!("{value} is no count: write 0 or more"));
            }
            _ => {}
        }
    }
    Ok(())
}

fn is_type(value: &Value, at: &str) -> Result<(), Unsound> {
    let names = match value {
        Value::Array(names) if !names.is_empty() => names.as_slice(),
        one => std::slice::from_ref(one),
    };
    for name in names {
        match name.as_str() {
            Some(name) if TYPES.contains(&name) => {}
            Some(name) => {
                let like = nearest(name, TYPES).map(|like| format!("; did you mean `{like}`?"));
                let like = like.unwrap_or_else(|| format!("; there are {}", TYPES.join(", ")));
                return no(at, format!("there is no type `{name}`{like}"));
            }
            None => return no(at, format!("{name} is no type; there are {}", TYPES.join(", "))),
        }
    }
    Ok(())
}

fn is_names(value: &Value, at: &str) -> Result<(), Unsound> {
    match value.as_array() {
        Some(names) if names.iter().all(Value::is_string) => Ok(()),
        _ => no(at, format!("{value} is no list of fields' names")),
    }
}

fn is_object<'a>(value: &'a Value, at: &str) -> Result<&'a Map<String, Value>, Unsound> {
    match value.as_object() {
        Some(fields) => Ok(fields),
        None => no(at, format!("{value} is no object of schemas by name")),
    }
}

fn leads_somewhere(root: &Value, value: &Value, at: &str) -> Result<(), Unsound> {
    let target = value.as_str().and_then(|name| root.pointer(name.strip_prefix('#')?));
    match target {
        Some(_) => Ok(()),
        None => no(at, format!("{value} is nowhere in this schema: write `#/$defs/NAME`")),
    }
}
