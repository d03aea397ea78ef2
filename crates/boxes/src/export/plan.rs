//! What an export will do, as it is written down. Pure.

use crate::error::Error;
use crate::path::TreePath;
use crate::tree::{Changes, Entry};
use serde::{Deserialize, Serialize};

/// Raised when plans change their meaning.
const FORMAT: u32 = 1;

/// All changes, in the order of paths.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    format: u32,
    pub items: Vec<Item>,
}

/// One change.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    pub path: TreePath,
    pub before: Option<Entry>,
    pub after: Option<Entry>,
}

impl Item {
    /// Whether what was there goes before what comes: a name cannot turn from a folder
    /// into something else, nor back.
    pub fn removes(&self) -> bool {
        match (&self.before, &self.after) {
            (Some(_), None) => true,
            (Some(before), Some(after)) => before.is_dir() != after.is_dir(),
            (None, _) => false,
        }
    }
}

impl Plan {
    pub fn new(changes: &Changes) -> Plan {
        let items = changes.by_path().iter().map(|(path, change)| Item {
            path: path.clone(),
            before: change.before.clone(),
            after: change.after.clone(),
        });
        Plan { format: FORMAT, items: items.collect() }
    }

    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        serde_json::to_vec(self).map_err(|error| Error::io("write", "a plan", error))
    }

    pub fn decode(bytes: &[u8]) -> Result<Plan, Error> {
        let damaged = |why: String| Error::Damaged(format!("the plan of an export: {why}"));
        let plan: Plan =
            serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
        if plan.format != FORMAT {
            return Err(damaged(format!("format {} is not known here", plan.format)));
        }
        Ok(plan)
    }
}
