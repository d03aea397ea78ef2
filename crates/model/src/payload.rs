//! JSON that a process takes in, sends and returns. Kept as text: the runtime
//! moves payloads, it does not read them.

use crate::Error;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// The largest payload, in bytes of JSON: 32 MiB.
pub const PAYLOAD_MAX_BYTES: usize = 32 << 20;

/// A JSON value, or where the blob store keeps one that is large.
#[derive(Clone, Debug)]
pub enum Payload {
    /// The JSON text itself.
    Inline(Box<RawValue>),
    /// The text's hash and size; the store resolves it.
    Blob(BlobRef),
}

/// Where a large payload is: `{"$blob":"<blake3>","bytes":123}` in a journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlobRef {
    /// BLAKE3 of the text, 64 hexadecimal digits.
    #[serde(rename = "$blob")]
    pub hash: String,
    /// Its length.
    pub bytes: u64,
}

impl BlobRef {
    /// Whether the hash can be one: other text with these keys is a user's.
    fn is_name(&self) -> bool {
        self.hash.len() == 64 && self.hash.bytes().all(|digit| digit.is_ascii_hexdigit())
    }
}

const BLOB_HEAD: &str = "{\"$blob\"";

impl Payload {
    /// Payloads above this many bytes live in the blob store.
    pub const INLINE_MAX_BYTES: usize = 64 << 10;

    /// JSON `null`.
    pub fn null() -> Payload {
        Payload::Inline(RawValue::NULL.to_owned())
    }

    /// Any serialisable value.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Payload, Error> {
        let raw = serde_json::value::to_raw_value(value)
            .map_err(|error| Error::BadJson { why: error.to_string() })?;
        Payload::checked(raw)
    }

    /// JSON text from outside; checked for syntax and size.
    pub fn parse(text: &str) -> Result<Payload, Error> {
        Payload::from_text(text.to_owned())
    }

    /// The same, without copying.
    pub fn from_text(text: String) -> Result<Payload, Error> {
        if text.len() > PAYLOAD_MAX_BYTES {
            return Err(Error::TooLarge { bytes: text.len(), limit: PAYLOAD_MAX_BYTES });
        }
        let raw: Box<RawValue> = serde_json::from_str(&text)
            .map_err(|error| Error::BadJson { why: error.to_string() })?;
        Payload::checked(raw)
    }

    fn checked(raw: Box<RawValue>) -> Result<Payload, Error> {
        let bytes = raw.get().len();
        if bytes > PAYLOAD_MAX_BYTES {
            return Err(Error::TooLarge { bytes, limit: PAYLOAD_MAX_BYTES });
        }
        Ok(Payload::Inline(raw))
    }

    /// The JSON text, unless it is in the blob store.
    pub fn text(&self) -> Option<&str> {
        match self {
            Payload::Inline(raw) => Some(raw.get()),
            Payload::Blob(_) => None,
        }
    }

    /// How many bytes of text it is where it stands: what is in the blob store
    /// is only named there.
    pub fn bytes(&self) -> usize {
        const NAME_BYTES: usize = 100;
        self.text().map_or(NAME_BYTES, str::len)
    }

    /// Reads it as `T`. A payload still in the blob store is an error: the
    /// store resolves payloads when it loads them.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Error> {
        match self {
            Payload::Inline(raw) => serde_json::from_str(raw.get())
                .map_err(|error| Error::BadJson { why: error.to_string() }),
            Payload::Blob(blob) => Err(Error::BadJson {
                why: format!("the payload {} has not been fetched from the blob store", blob.hash),
            }),
        }
    }

    /// Whether the store must keep it as a blob: it is large, or its text
    /// could be taken for a reference to a blob.
    pub fn wants_blob(&self) -> bool {
        self.text()
            .is_some_and(|text| text.len() > Payload::INLINE_MAX_BYTES || looks_like_blob(text))
    }
}

/// White space may stand anywhere in JSON, so the test is on the first tokens.
fn looks_like_blob(text: &str) -> bool {
    let mut rest = BLOB_HEAD.bytes();
    let mut seen = text.bytes().filter(|byte| !byte.is_ascii_whitespace());
    // An escaped `$` would read back as the same key.
    rest.all(|wanted| seen.next() == Some(wanted)) || text.contains("\\u0024blob")
}

impl PartialEq for Payload {
    fn eq(&self, other: &Payload) -> bool {
        match (self, other) {
            (Payload::Inline(a), Payload::Inline(b)) => a.get() == b.get(),
            (Payload::Blob(a), Payload::Blob(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Payload {}

impl Serialize for Payload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Payload::Inline(raw) => raw.serialize(serializer),
            Payload::Blob(blob) => blob.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Payload, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        if raw.get().starts_with(BLOB_HEAD)
            && let Ok(blob) = serde_json::from_str::<BlobRef>(raw.get())
            && blob.is_name()
        {
            return Ok(Payload::Blob(blob));
        }
        Ok(Payload::Inline(raw))
    }
}

impl std::fmt::Display for Payload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Payload::Inline(raw) => f.write_str(raw.get()),
            Payload::Blob(blob) => write!(f, "<blob {} of {} bytes>", &blob.hash, blob.bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_kept_to_the_letter() {
        let payload = Payload::parse(r#"{"a": 1.50, "b":[ ]}"#).expect("valid");
        assert_eq!(serde_json::to_string(&payload).expect("plain"), r#"{"a": 1.50, "b":[ ]}"#);
    }

    #[test]
    fn a_user_cannot_forge_a_blob() {
        for text in [r#"{"$blob":"x"}"#, "{ \"$blob\" : 1}", "{\"\\u0024blob\":1}"] {
            assert!(Payload::parse(text).expect("valid").wants_blob(), "{text}");
        }
        assert!(!Payload::parse(r#"{"blob":1}"#).expect("valid").wants_blob());
    }

    #[test]
    fn bad_json_says_where() {
        let message = Payload::parse("{\"a\": }").expect_err("bad").to_string();
        assert!(message.contains("line 1 column"), "{message}");
    }
}
