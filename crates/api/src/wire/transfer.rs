//! Export and import: a process a line.

use greenroom_runtime::{ImportDone, Missing};
use serde::{Deserialize, Serialize};

pub use greenroom_runtime::line;

/// `POST /v1/import`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Imported {
    /// How many processes were taken in.
    pub imported: u64,
    /// How many were there already, and were left as they are.
    pub present: u64,
    /// Which were damaged when they were to be exported, and are not in the
    /// file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Missing>,
}

impl From<ImportDone> for Imported {
    fn from(done: ImportDone) -> Imported {
        let ImportDone { imported, present, missing } = done;
        Imported { imported, present, missing }
    }
}
