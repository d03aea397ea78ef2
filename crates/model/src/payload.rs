//! JSON that a process takes in, sends and returns. Kept as text: the runtime
//! moves payloads, it does not read them.

use crate::Error;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// The largest payload, in bytes of JSON: 32 MiB.
pub const PAYLOAD_MAX_BYTES: usize = 32 << 20;

/// A JSON value, or where the blob store keeps one that is large.
#[derive(Clone)]
pub enum Payload {
    /// JSON text of a few bytes, in place: most messages and results.
    Short(Short),
    /// The JSON text itself.
    Inline(Box<RawValue>),
    /// The text's hash and size; the store resolves it.
    Blob(BlobRef),
}

/// JSON text so short that a heap allocation would cost more than it.
#[derive(Clone, Copy)]
pub struct Short {
    length: u8,
    bytes: [u8; Short::BYTES_MAX],
}

impl Short {
    /// As many as fit without making a [`Payload`] larger.
    const BYTES_MAX: usize = 23;

    const EMPTY: Short = Short { length: 0, bytes: [0; Short::BYTES_MAX] };

    /// The value's text, if it is short enough.
    fn of<T: Serialize + ?Sized>(value: &T) -> Option<Short> {
        let mut short = Short::EMPTY;
        serde_json::to_writer(&mut short, value).ok()?;
        // So that reading it back as text cannot fail.
        std::str::from_utf8(&short.bytes[..usize::from(short.length)]).ok()?;
        Some(short)
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.length)]).unwrap_or("null")
    }
}

impl std::io::Write for Short {
    fn write(&mut self, text: &[u8]) -> std::io::Result<usize> {
        let begin = usize::from(self.length);
        let end = begin + text.len();
        let Some(room) = self.bytes.get_mut(begin..end) else {
            return Err(std::io::ErrorKind::WriteZero.into());
        };
        room.copy_from_slice(text);
        self.length = u8::try_from(end).unwrap_or(u8::MAX);
        Ok(text.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl std::fmt::Debug for Short {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.text())
    }
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
        Payload::of(&()).unwrap_or_else(|_| Payload::Inline(RawValue::NULL.to_owned()))
    }

    /// Any serialisable value.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Payload, Error> {
        if let Some(short) = Short::of(value) {
            return Ok(Payload::Short(short));
        }
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
            Payload::Short(short) => Some(short.text()),
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
        let text = |text| {
            serde_json::from_str(text).map_err(|error| Error::BadJson { why: error.to_string() })
        };
        match self {
            Payload::Short(short) => text(short.text()),
            Payload::Inline(raw) => text(raw.get()),
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
            (Payload::Blob(a), Payload::Blob(b)) => a == b,
            _ => self.text().is_some() && self.text() == other.text(),
        }
    }
}

impl Eq for Payload {}

impl Serialize for Payload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Payload::Short(short) => serde_json::from_str::<&RawValue>(short.text())
                .map_err(serde::ser::Error::custom)?
                .serialize(serializer),
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

/// The text, wherever it is kept.
impl std::fmt::Debug for Payload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Payload({self})")
    }
}

impl std::fmt::Display for Payload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Payload::Short(short) => f.write_str(short.text()),
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
    fn short_and_long_text_are_the_same_to_whoever_reads() {
        assert_eq!(size_of::<Payload>(), 32);
        for length in 0..64 {
            let word = "x".repeat(length);
            let (made, parsed) =
                (Payload::of(&word).expect("plain"), Payload::parse(&format!("\"{word}\"")));
            assert_eq!(made, parsed.expect("valid"));
            assert_eq!(made.read::<String>().expect("text"), word);
            assert_eq!(serde_json::to_string(&made).expect("plain"), made.to_string());
        }
        assert!(Payload::of(&serde_json::json!({"$blob": 1})).expect("plain").wants_blob());
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
