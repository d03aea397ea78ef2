//! What must not be seen: keys, and where they come from. A key is read and put into
//! a request at the last hop; nothing here shows one.

#[cfg(test)]
mod tests;

use super::failure;
use greenroom_model::Failure;
use std::fmt;

/// A text that is never shown: not by `Debug`, not by `Display`, not by serde.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A secret of this text.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
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

/// Where a provider's key comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Key {
    /// It needs none.
    #[default]
    None,
    /// An environment variable, read anew for every request.
    Env(String),
    /// This one.
    Value(Secret),
}

impl Key {
    /// The key, if one is needed.
    ///
    /// # Errors
    /// `auth`: the variable is not set.
    pub fn read(&self, provider: &str) -> Result<Option<Secret>, Failure> {
        match self {
            Key::None => Ok(None),
            Key::Value(secret) => Ok(Some(secret.clone())),
            Key::Env(name) => env(name).map(Some).ok_or_else(|| {
                let text = format!(
                    "{provider}: no key: the environment variable {name} is not set or is empty; \
                     set it where the node is started"
                );
                Failure::fatal(failure::AUTH, text)
            }),
        }
    }

    /// Whether it is there now.
    pub fn is_set(&self) -> bool {
        match self {
            Key::None | Key::Value(_) => true,
            Key::Env(name) => env(name).is_some(),
        }
    }
}

fn env(name: &str) -> Option<Secret> {
    let text = std::env::var(name).ok()?;
    // A key that was copied with its line's end is a common mistake.
    let text = text.trim();
    (!text.is_empty()).then(|| Secret::new(text))
}

/// A header's value with each `${NAME}` replaced by that environment variable.
///
/// # Errors
/// `auth`: a variable is not set. `bad_request`: a `${` is not closed.
pub(crate) fn expanded(provider: &str, header: &str, value: &str) -> Result<Secret, Failure> {
    let mut out = String::new();
    let mut rest = value;
    while let Some(begin) = rest.find("${") {
        out.push_str(&rest[..begin]);
        let Some(length) = rest[begin..].find('}') else {
            let text = format!(
                "{provider}: the header `{header}` has a `${{` without its `}}`; mend the provider's configuration"
            );
            return Err(Failure::fatal(failure::BAD_REQUEST, text));
        };
        let name = &rest[begin + 2..begin + length];
        let secret = Key::Env(name.to_owned()).read(provider)?;
        out.push_str(secret.as_ref().map_or("", Secret::reveal));
        rest = &rest[begin + length + 1..];
    }
    out.push_str(rest);
    Ok(Secret::new(out))
}
