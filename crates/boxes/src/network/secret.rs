//! Secrets by placeholder: the box has the placeholder, the bound host gets the value.

use super::kept::Kept;
use super::policy::Policy;
use super::redact::Needle;
use super::refusal::Refusal;
use crate::spec::HostPort;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::Uri;
use hyper::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use std::collections::{BTreeMap, BTreeSet};

#[cfg(test)]
mod tests;

/// Where values come from.
pub trait Secrets: Send + Sync {
    /// The value of this name, if there is one. Asked for each request that carries the
    /// placeholder to a host it is for; never kept, never logged. Called in a task, so
    /// it must not wait long.
    ///
    /// # Errors
    /// Why it cannot be read, for people, without the value.
    fn value(&self, name: &str) -> Result<Option<String>, String>;
}

/// A shorter value could not be taken out of a response without destroying it.
const VALUE_BYTES_MIN: usize = 4;

/// What the box has in place of each secret: another one in each box, not to be guessed.
pub(super) struct Placeholders(BTreeMap<String, String>);

/// What was put in, and what must not come back.
#[derive(Default)]
pub(super) struct Used {
    pub names: BTreeSet<String>,
    pub needles: Vec<Needle>,
}

impl Placeholders {
    pub fn new<'a>(kept: &Kept, names: impl Iterator<Item = &'a String>) -> Placeholders {
        Placeholders(names.map(|name| (name.clone(), kept.placeholder(name))).collect())
    }

    pub fn iter(&self) -> impl Iterator<Item = (&String, &String)> {
        self.0.iter()
    }

    /// The secrets whose placeholder is in the address or in a header.
    pub fn mentioned(&self, uri: &Uri, headers: &HeaderMap) -> BTreeSet<String> {
        let uri = uri.to_string();
        let plain = |value: &HeaderValue| basic(value).unwrap_or_else(|| value.as_bytes().to_vec());
        let texts: Vec<Vec<u8>> = headers.values().map(plain).collect();
        let is_in = |placeholder: &str| {
            uri.contains(placeholder)
                || texts.iter().any(|text| holds(text, placeholder.as_bytes()))
        };
        self.0.iter().filter(|(_, value)| is_in(value)).map(|(name, _)| name.clone()).collect()
    }

    /// Puts values in the place of placeholders in the values of headers, also inside
    /// of Basic credentials; only of secrets that are for this host.
    pub fn put_in(
        &self,
        headers: &mut HeaderMap,
        target: &HostPort,
        policy: &Policy,
        secrets: &dyn Secrets,
    ) -> Result<Used, Refusal> {
        let mut used = Used::default();
        for (name, placeholder) in self.0.iter().filter(|(name, _)| policy.is_bound(name, target)) {
            let mut value = None;
            for (header, content) in headers.iter_mut() {
                let credentials = (header == AUTHORIZATION).then(|| basic(content)).flatten();
                let text = credentials.as_deref().unwrap_or(content.as_bytes());
                if !holds(text, placeholder.as_bytes()) {
                    continue;
                }
                let value: &String = match &value {
                    Some(value) => value,
                    None => value.insert(read(name, secrets)?),
                };
                let text = replaced(text, placeholder.as_bytes(), value.as_bytes());
                let text = match credentials {
                    Some(_) => {
                        let encoded = STANDARD.encode(&text);
                        used.needles.push(Needle::new(encoded.as_bytes(), placeholder.as_bytes()));
                        format!("Basic {encoded}").into_bytes()
                    }
                    None => text,
                };
                *content = HeaderValue::from_bytes(&text).map_err(|_invalid| {
                    let advice = "Store it again without line breaks and control characters.";
                    Refusal::failed(format!("the secret {name} cannot stand in a header"), advice)
                })?;
                content.set_sensitive(true);
            }
            if let Some(value) = value {
                used.names.insert(name.clone());
                used.needles.push(Needle::new(value.as_bytes(), placeholder.as_bytes()));
            }
        }
        Ok(used)
    }
}

fn read(name: &str, secrets: &dyn Secrets) -> Result<String, Refusal> {
    let advice = format!("Give the host a value for {name}; box.toml only names it.");
    match secrets.value(name) {
        Ok(Some(value)) if value.len() >= VALUE_BYTES_MIN => Ok(value),
        Ok(Some(_)) => {
            let why = format!("the secret {name} is shorter than {VALUE_BYTES_MIN} bytes");
            Err(Refusal::failed(why, "Give it a longer value: this one could not be hidden."))
        }
        Ok(None) => Err(Refusal::failed(format!("the secret {name} has no value"), advice)),
        Err(why) => {
            Err(Refusal::failed(format!("the secret {name} cannot be read: {why}"), advice))
        }
    }
}

/// The decoded credentials of `Basic …`.
fn basic(value: &HeaderValue) -> Option<Vec<u8>> {
    let (scheme, encoded) = value.as_bytes().split_at_checked("Basic ".len())?;
    let is_basic = scheme.eq_ignore_ascii_case(b"Basic ");
    is_basic.then(|| STANDARD.decode(encoded.trim_ascii()).ok()).flatten()
}

fn holds(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

fn replaced(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), text);
    while let Some(at) = rest.windows(from.len()).position(|window| window == from) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(to);
        rest = &rest[at + from.len()..];
    }
    out.extend_from_slice(rest);
    out
}
