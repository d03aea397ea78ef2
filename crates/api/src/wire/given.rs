//! JSON from outside, to the letter.

use greenroom_model::{Error, PAYLOAD_MAX_BYTES, Payload};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// A payload in a request. Unlike a [`Payload`] it is never read as a
/// reference to a blob, so that nobody can ask for a blob that is not theirs.
#[derive(Clone, Debug)]
pub struct Given(Box<RawValue>);

impl Default for Given {
    fn default() -> Given {
        Given(RawValue::NULL.to_owned())
    }
}

impl Given {
    /// The payload.
    ///
    /// # Errors
    /// [`Error::TooLarge`].
    pub fn payload(self) -> Result<Payload, Error> {
        let bytes = self.0.get().len();
        if bytes > PAYLOAD_MAX_BYTES {
            return Err(Error::TooLarge { bytes, limit: PAYLOAD_MAX_BYTES });
        }
        Ok(Payload::Inline(self.0))
    }

    /// JSON text.
    ///
    /// # Errors
    /// [`Error::BadJson`] with line and column, [`Error::TooLarge`].
    pub fn parse(text: String) -> Result<Given, Error> {
        match Payload::from_text(text)? {
            Payload::Inline(raw) => Ok(Given(raw)),
            // Text from outside is never read as either.
            Payload::Short(_) | Payload::Blob(_) => Ok(Given::default()),
        }
    }

    /// A string.
    #[must_use]
    pub fn string(text: &str) -> Given {
        let quoted = serde_json::Value::from(text).to_string();
        RawValue::from_string(quoted).map(Given).unwrap_or_default()
    }

    /// The JSON text.
    #[must_use]
    pub fn text(&self) -> &str {
        self.0.get()
    }
}

impl Serialize for Given {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Given {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Given, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(Given)
    }
}
