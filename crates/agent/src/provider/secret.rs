//! What must not be seen. Nothing here shows it.

use std::fmt;

/// A text that is never shown: not by `Debug`, not by `Display`, not by serde.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A secret of this text.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// What a person or a file gave: without the line's end that was copied with it.
    /// `None`: nothing is left.
    pub fn of_line(text: &str) -> Option<Secret> {
        let text = text.trim();
        (!text.is_empty()).then(|| Secret::new(text))
    }

    /// The text itself, for the last hop.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The text with the secret, wherever it stands in it, taken out: servers do
    /// quote the key that they refuse.
    pub fn redact(&self, text: &str) -> String {
        if self.0.len() < SHORTEST {
            return text.to_owned();
        }
        text.replace(&self.0, REDACTED)
    }

    /// Whether it stands in a text, and is one to be taken out.
    pub(crate) fn stands_in(&self, text: &str) -> bool {
        self.0.len() >= SHORTEST && text.contains(&self.0)
    }
}

const REDACTED: &str = "[redacted]";

/// Shorter ones are words that stand in any text (`none`, `ollama`) and no secrets.
const SHORTEST: usize = 8;

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}
