//! How a newer version of a kind reads what an older one wrote.

use greenroom_model::{Failure, Kind, Payload, failure};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Turns the input of one version into that of another.
pub(crate) type Migration =
    Arc<dyn Fn(serde_json::Value) -> Result<serde_json::Value, Failure> + Send + Sync>;

/// How inputs written by older versions are read by newer ones: by kind and
/// version, to which version and how.
#[derive(Clone, Default)]
pub(crate) struct Migrations(BTreeMap<Kind, BTreeMap<u32, Migration>>);

impl Migrations {
    /// Those that begin at a version, to add to.
    pub fn from(&mut self, kind: Kind) -> &mut BTreeMap<u32, Migration> {
        self.0.entry(kind).or_default()
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = (&Kind, &BTreeMap<u32, Migration>)> {
        self.0.iter()
    }

    /// An input of `from`, as `to` reads it: step by step, each as far as it
    /// goes. Where none begins, the input is left as it is.
    pub fn migrate(&self, from: &Kind, to: &Kind, input: Payload) -> Result<Payload, Failure> {
        let mut at = from.clone();
        let mut value = None;
        while let Some((version, migration)) =
            self.0.get(&at).and_then(|onward| onward.range(..=to.version).next_back())
        {
            let before = match value.take() {
                Some(value) => value,
                None => input.read().map_err(|error| bad(&error))?,
            };
            value = Some(migration(before)?);
            at.version = *version;
        }
        value.map_or(Ok(input), |value| Payload::of(&value).map_err(|error| bad(&error)))
    }
}

fn bad(error: &greenroom_model::Error) -> Failure {
    Failure::fatal(failure::BAD_PAYLOAD, format!("the input cannot be migrated: {error}"))
}
