//! Results that were too long for a model: it has their two ends and a handle, and
//! reads on as it likes. Knows no process.
//!
//! They are in memory while the process is: one that waits and is dropped from memory
//! has them in its journal alone, as its tools' results or in what its segment began with.

use crate::json_size::json_size;
use crate::provider::ToolSpec;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[cfg(test)]
mod tests;

/// The tool by which a model reads what was too long. It is there once there is
/// something to read.
pub(super) const READ_RESULT: &str = "read_result";

/// So much is kept in all, as JSON has it. What is older, or of one text beyond it, is in
/// the history only.
const KEPT_BYTES_MAX: usize = 8 << 20;

/// So much is read at once.
const PIECE_BYTES_MAX: usize = 16 << 10;

/// Long results, the newest of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Kept {
    texts: BTreeMap<u32, String>,
    last: u32,
}

/// What is to be read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Piece {
    handle: String,
    #[serde(default)]
    offset: usize,
    #[serde(default)]
    search: Option<String>,
}

impl Kept {
    /// Keeps a text, and tells its handle, and how much of it is kept.
    pub fn keep(&mut self, mut text: String) -> (String, usize) {
        cut(&mut text, KEPT_BYTES_MAX);
        let bytes = text.len();
        self.last += 1;
        self.texts.insert(self.last, text);
        self.free(self.bytes().saturating_sub(KEPT_BYTES_MAX));
        (format!("result-{}", self.last), bytes)
    }

    /// Forgets the oldest texts until so many bytes more are free.
    pub fn free(&mut self, wanted: usize) {
        let mut freed = 0;
        while freed < wanted
            && let Some((_, text)) = self.texts.pop_first()
        {
            freed += json_size(&text);
        }
    }

    /// The tool, if there is something to read.
    pub fn spec(&self) -> Option<ToolSpec> {
        (!self.texts.is_empty()).then(|| ToolSpec {
            name: READ_RESULT.to_owned(),
            description: "Reads on in a result of a tool that was too long to be shown whole."
                .to_owned(),
            schema: json!({
                "type": "object",
                "properties": {
                    "handle": { "type": "string", "description": "such as result-1" },
                    "offset": { "type": "integer", "description": "the first byte; 0 by default" },
                    "search": { "type": "string", "description": "read from where this stands next" },
                },
                "required": ["handle"],
                "additionalProperties": false,
            }),
        })
    }

    /// A piece of a text.
    ///
    /// # Errors
    /// What the model is told instead.
    pub fn read(&self, arguments: &Value) -> Result<String, String> {
        let piece: Piece = serde_json::from_value(arguments.clone())
            .map_err(|error| format!("The call was not made: {error}."))?;
        let number = piece.handle.strip_prefix("result-").and_then(|number| number.parse().ok());
        let text = number.and_then(|number: u32| self.texts.get(&number));
        let Some(text) = text else {
            let handles: Vec<String> = self.texts.keys().map(|n| format!("result-{n}")).collect();
            return Err(format!(
                "There is no `{}`. There are: {}.",
                piece.handle,
                handles.join(", ")
            ));
        };
        let mut from = text.floor_char_boundary(piece.offset.min(text.len()));
        if let Some(search) = &piece.search {
            match text[from..].find(search.as_str()) {
                Some(place) => from += place,
                None => return Err(format!("`{search}` does not stand there after byte {from}.")),
            }
        }
        let end = text.floor_char_boundary((from + PIECE_BYTES_MAX).min(text.len()));
        Ok(format!("[bytes {from} to {end} of {}]\n{}", text.len(), &text[from..end]))
    }

    fn bytes(&self) -> usize {
        self.texts.values().map(json_size).sum()
    }
}

/// Cuts a text to so many bytes of JSON.
pub(super) fn cut(text: &mut String, most: usize) {
    let mut bytes = json_size(text);
    while bytes > most && !text.is_empty() {
        // Less than a part of it may be left, as not all of it is written the same way.
        let length = text.len() as f64 * (most as f64 / bytes as f64);
        text.truncate(text.floor_char_boundary((length as usize).min(text.len() - 1)));
        bytes = json_size(text);
    }
}
