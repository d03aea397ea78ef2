//! What an export will do, as it is written down. Pure.

use crate::path::TreePath;
use crate::tree::{Changes, Entry};
use serde::{Deserialize, Serialize};

/// All changes, in the order of paths.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
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

    /// Whether what comes changes places with what was there: neither is a folder.
    pub fn exchanges(&self) -> bool {
        let plain = |entry: &Option<Entry>| entry.as_ref().is_some_and(|entry| !entry.is_dir());
        plain(&self.before) && plain(&self.after)
    }
}

impl Plan {
    pub fn new(changes: &Changes) -> Plan {
        let items = changes.by_path().iter().map(|(path, change)| Item {
            path: path.clone(),
            before: change.before.clone(),
            after: change.after.clone(),
        });
        Plan { items: items.collect() }
    }

    /// What is to be at a path, if the plan changes it.
    pub fn item(&self, path: &TreePath) -> Option<&Item> {
        let place = self.items.binary_search_by(|item| item.path.cmp(path)).ok()?;
        self.items.get(place)
    }
}
