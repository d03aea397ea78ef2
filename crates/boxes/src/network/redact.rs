//! Takes values out of what a server answers, as it passes by. Pure.
//!
//! A guard against a server that repeats what it was sent, not against one that
//! helps the box: a value that comes back in pieces or another encoding is not seen.

use bytes::Bytes;
use hyper::header::{HeaderMap, HeaderValue};

#[cfg(test)]
mod tests;

/// A value, and what is put in its place.
pub(super) struct Needle {
    value: Vec<u8>,
    placeholder: Vec<u8>,
}

impl Needle {
    pub fn new(value: &[u8], placeholder: &[u8]) -> Needle {
        Needle { value: value.to_vec(), placeholder: placeholder.to_vec() }
    }
}

/// Works on a stream; holds back only what may be the beginning of a value.
pub(super) struct Redactor {
    needles: Vec<Needle>,
    held: Vec<u8>,
}

impl Redactor {
    pub fn new(mut needles: Vec<Needle>) -> Redactor {
        // Of two that begin alike the longer one is looked for first.
        needles.sort_by_key(|needle| std::cmp::Reverse(needle.value.len()));
        Redactor { needles, held: Vec::new() }
    }

    /// What can be passed on.
    pub fn push(&mut self, data: &[u8]) -> Bytes {
        self.held.extend_from_slice(data);
        let mut out = Vec::with_capacity(self.held.len());
        let mut rest = self.held.as_slice();
        while !rest.is_empty() {
            if let Some(needle) = self.needles.iter().find(|n| rest.starts_with(&n.value)) {
                out.extend_from_slice(&needle.placeholder);
                rest = &rest[needle.value.len()..];
            } else if self.needles.iter().any(|needle| needle.value.starts_with(rest)) {
                break;
            } else {
                out.push(rest[0]);
                rest = &rest[1..];
            }
        }
        self.held = rest.to_vec();
        out.into()
    }

    /// What is left at the end.
    pub fn finish(&mut self) -> Bytes {
        std::mem::take(&mut self.held).into()
    }

    /// Headers, each a whole.
    pub fn headers(&mut self, headers: &mut HeaderMap) {
        for value in headers.values_mut() {
            let mut clean = self.push(value.as_bytes()).to_vec();
            clean.extend_from_slice(&self.finish());
            if clean != value.as_bytes() {
                // A placeholder has no byte that a header may not have.
                *value = HeaderValue::from_bytes(&clean).unwrap_or(HeaderValue::from_static(""));
            }
        }
    }
}
