//! Where a spec says what, for errors that are found only later, when the box is built.

use super::error::SpecError;
use crate::error::Error;
use std::collections::BTreeMap;

/// The places of some fields, by name. Two specs that say the same are the same wherever they
/// say it, so all places are equal.
#[derive(Clone, Debug, Default)]
pub struct Places(BTreeMap<String, SpecError>);

impl PartialEq for Places {
    fn eq(&self, _other: &Places) -> bool {
        true
    }
}

impl Places {
    /// Notes where a field stands: an error there that says nothing yet.
    pub(super) fn note(&mut self, field: String, place: SpecError) {
        self.0.insert(field, place);
    }

    /// An error of this field, with its place if that is known.
    pub(crate) fn tell(&self, field: &str, error: Error) -> Error {
        match self.0.get(field) {
            Some(place) => SpecError { message: error.to_string(), ..place.clone() }.into(),
            None => error,
        }
    }
}
