//! What is wrong with a head, field by field. Pure.

use super::place;
use crate::front_matter::{self, FrontMatterError};
use crate::nearest::nearest;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The fields that keep an agent from something: one that is misspelt guards nothing.
const GUARDS: [&str; 9] = [
    "tools",
    "disallowedTools",
    "approve",
    "toolPolicy",
    "isolation",
    "box",
    "limits",
    "maxTurns",
    "maxTokens",
];

/// Fields of other programs that are near one of them by their letters alone.
const OTHERS: [&str; 1] = ["hooks"];

/// Says of a field that is not known that it was meant to guard something, if it is like
/// one that does.
pub(super) fn unguarded(field: &str) -> Option<String> {
    let plain: String = field.chars().filter(char::is_ascii_alphanumeric).collect();
    let like = match plain.to_ascii_lowercase().as_str() {
        "allowedtools" => Some("tools"),
        plain => GUARDS.into_iter().find(|guard| guard.eq_ignore_ascii_case(plain)),
    };
    let like = like.or_else(|| nearest(field, GUARDS)).filter(|_| !OTHERS.contains(&field))?;
    Some(format!("there is no field `{field}`, and it would guard nothing; did you mean `{like}`?"))
}

/// The error with the field it is about, and its line: the parser knows neither for sure.
pub(super) fn explained<Head: DeserializeOwned>(
    text: &str,
    error: FrontMatterError,
) -> FrontMatterError {
    let Ok((all, _)) = front_matter::parse::<BTreeMap<String, Value>>(text) else { return error };
    let cannot =
        |head: Value| serde_json::from_value::<Head>(head).err().map(|why| why.to_string());
    let found = all.iter().find_map(|(field, value)| {
        let why = cannot(json!({ (field.as_str()): value }))?;
        let inside = value.as_object().into_iter().flatten().find_map(|(name, value)| {
            let why = cannot(json!({ (field.as_str()): { (name.as_str()): value } }))?;
            Some((vec![field.as_str(), name.as_str()], why))
        });
        Some(inside.unwrap_or((vec![field.as_str()], why)))
    });
    let Some((path, why)) = found else { return error };
    let why = why.replace("expected u32", NUMBER).replace("expected u64", NUMBER);
    let is_named = path.first().is_some_and(|field| why.starts_with(field));
    let message = if is_named { why } else { format!("{}: {why}", path.join(".")) };
    FrontMatterError { line: place::line_of(text, &path), message }
}

const NUMBER: &str = "expected a whole number that is not too large";
