//! Export and import: a process a line.

use serde::{Deserialize, Serialize};

/// `POST /v1/import`.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Imported {
    /// How many processes were taken in.
    pub imported: u64,
    /// How many were there already, and were left as they are.
    pub present: u64,
}

/// A value as one line of JSON. Payloads keep the white space they came with,
/// which may hold line breaks; between tokens a space says the same.
///
/// # Errors
/// If the value cannot be written as JSON.
pub fn line<T: Serialize>(value: &T) -> serde_json::Result<String> {
    let text = serde_json::to_string(value)?;
    // Inside JSON strings line breaks are always escaped.
    if text.contains(['\n', '\r']) {
        return Ok(text.replace(['\n', '\r'], " "));
    }
    Ok(text)
}
