//! JSON that is kept to the letter: numbers with all their digits, fields in their order
//! and as often as they stand there. Reading it as a value would lose all three.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

/// One JSON value, as the text that it was written as.
///
/// It cannot be read through serde's `flatten`, `untagged` or `tag`: those make a value of it
/// first.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Verbatim(Box<RawValue>);

impl Verbatim {
    /// A value's text; `null` for what is no JSON.
    pub fn of(value: &(impl Serialize + ?Sized)) -> Verbatim {
        Verbatim(to_raw_value(value).unwrap_or_else(|_| RawValue::NULL.to_owned()))
    }

    /// The text.
    pub fn text(&self) -> &str {
        self.0.get()
    }

    /// What it says, as far as `T` can hold it.
    ///
    /// # Errors
    /// It is no `T`.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.text())
    }
}

impl AsRef<RawValue> for Verbatim {
    fn as_ref(&self) -> &RawValue {
        &self.0
    }
}

impl From<Verbatim> for Box<RawValue> {
    fn from(verbatim: Verbatim) -> Box<RawValue> {
        verbatim.0
    }
}

/// Letter by letter.
impl PartialEq for Verbatim {
    fn eq(&self, other: &Verbatim) -> bool {
        self.text() == other.text()
    }
}

impl Eq for Verbatim {}
