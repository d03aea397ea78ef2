//! What can be asked of a box: a name, an argv with holes, a schema for what fills them.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;

#[cfg(test)]
mod tests;

/// A named command of a box.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Action {
    /// What it does, for whoever chooses among actions.
    pub description: String,
    /// The program and its arguments. `{name}` stands for an argument of the call, `{{`
    /// and `}}` for braces. No shell reads it, so no value is more than one argument.
    pub argv: Vec<String>,
    /// JSON schema of the call's arguments: an object.
    pub schema: Value,
    /// Whether it changes nothing, so that it may be repeated without thought.
    pub read_only: bool,
}

/// Arguments that do not fill an action's argv.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("argument `{name}`: {why}")]
pub struct BadArguments {
    /// The argument.
    pub name: String,
    /// What is wrong with it.
    pub why: &'static str,
}

/// A piece of an argv's element.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'a> {
    Text(&'a str),
    Hole(&'a str),
}

impl Action {
    /// The argv of one call. Its arguments were held against the schema before.
    ///
    /// # Errors
    /// An argument that is missing, or that is a list, an object or null.
    pub fn argv(&self, arguments: &Value) -> Result<Vec<String>, BadArguments> {
        let filled = self.argv.iter().map(|element| {
            let mut text = String::new();
            for piece in pieces(element).unwrap_or_default() {
                match piece {
                    Piece::Text(plain) => text.push_str(plain),
                    Piece::Hole(name) => text.push_str(&value(name, arguments)?),
                }
            }
            Ok(text)
        });
        filled.collect()
    }

    /// What keeps it from being an action.
    pub(super) fn fault(&self) -> Option<String> {
        if self.argv.first().is_none_or(String::is_empty) {
            return Some("argv: it needs a program, as in [\"python3\", \"buy.py\"]".to_owned());
        }
        let properties = self.schema.get("properties").and_then(Value::as_object);
        let known = |name: &str| properties.is_some_and(|all| all.contains_key(name));
        let required = match required(&self.schema) {
            Ok(required) => required,
            Err(words) => return Some(words),
        };
        if let Some(name) = required.iter().find(|name| !known(name)) {
            return Some(format!("schema.required: `{name}` is not in schema.properties"));
        }
        for (position, element) in self.argv.iter().enumerate() {
            if element.contains('\0') {
                return Some("argv: a zero byte ends an argument".to_owned());
            }
            let pieces = match pieces(element) {
                Ok(pieces) => pieces,
                Err(words) => return Some(format!("argv: `{element}`: {words}")),
            };
            for piece in pieces {
                let Piece::Hole(name) = piece else { continue };
                if position == 0 {
                    return Some("argv: the program itself may not come from a call".to_owned());
                }
                if !required.contains(name) {
                    return Some(format!(
                        "argv: {{{name}}} must be in schema.properties and in schema.required"
                    ));
                }
            }
        }
        None
    }
}

/// The names that a schema requires.
fn required(schema: &Value) -> Result<BTreeSet<&str>, String> {
    if schema.get("type").and_then(Value::as_str) != Some("object") {
        return Err("schema: its type must be \"object\"".to_owned());
    }
    if schema.get("properties").is_some_and(|properties| !properties.is_object()) {
        return Err("schema.properties: a table is wanted".to_owned());
    }
    let Some(required) = schema.get("required") else { return Ok(BTreeSet::new()) };
    let names = required.as_array().map(|names| names.iter().map(Value::as_str).collect());
    names.flatten().ok_or_else(|| "schema.required: a list of names is wanted".to_owned())
}

/// The text of an argument.
fn value(name: &str, arguments: &Value) -> Result<String, BadArguments> {
    let bad = |why| Err(BadArguments { name: name.to_owned(), why });
    match arguments.get(name) {
        None => bad("is missing"),
        Some(Value::String(text)) if text.contains('\0') => bad("has a zero byte"),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(value @ (Value::Number(_) | Value::Bool(_))) => Ok(value.to_string()),
        Some(_) => bad("is no text, number or yes and no: an argv holds nothing else"),
    }
}

/// Takes an element of an argv apart.
fn pieces(element: &str) -> Result<Vec<Piece<'_>>, &'static str> {
    let mut pieces = Vec::new();
    let mut rest = element;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, from) = rest.split_at(at);
        pieces.push(Piece::Text(before));
        if let Some(after) = from.strip_prefix("{{") {
            pieces.push(Piece::Text("{"));
            rest = after;
        } else if let Some(after) = from.strip_prefix("}}") {
            pieces.push(Piece::Text("}"));
            rest = after;
        } else if let Some(inner) = from.strip_prefix('{') {
            let (name, after) = inner.split_once('}').ok_or("`{` without `}`; `{{` is a brace")?;
            if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
                return Err("between braces stands an argument's name; `{{` is a brace");
            }
            pieces.push(Piece::Hole(name));
            rest = after;
        } else {
            return Err("`}` without `{`; `}}` is a brace");
        }
    }
    pieces.push(Piece::Text(rest));
    Ok(pieces)
}
