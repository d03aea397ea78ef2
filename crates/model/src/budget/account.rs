//! An account: the budget of one process and of all that works for it.

use super::limits::Budget;
use super::resource::{Resource, Spend};
use crate::ProcessId;
use serde::{Deserialize, Serialize};

/// What a budget has come to. It is named after the process it was given to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Whose.
    pub id: ProcessId,
    /// The account it was reserved from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ProcessId>,
    /// How much it may use up.
    pub limits: Budget,
    /// How much it has, with what its ended children have.
    #[serde(default)]
    pub spent: Spend,
    /// How much is set aside for accounts below it.
    #[serde(default)]
    pub reserved: Spend,
    /// Its process has ended: what was left went back where it came from.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub closed: bool,
    /// How often it has changed.
    #[serde(default)]
    pub version: u64,
}

impl Account {
    /// A new one.
    pub fn new(id: ProcessId, parent: Option<ProcessId>, limits: Budget) -> Account {
        let (spent, reserved) = (Spend::default(), Spend::default());
        Account { id, parent, limits, spent, reserved, closed: false, version: 0 }
    }

    /// How much is left of a resource; `None`: it has no limit here.
    pub fn left(&self, resource: Resource) -> Option<u64> {
        let none = Spend::default();
        self.limits.of(resource)?;
        Some(self.room(resource, none, none).unwrap_or_default())
    }

    /// How much will be left once this has been used up and that has come back;
    /// `None`: more is used up than there is.
    pub fn room(&self, resource: Resource, held: Spend, back: Spend) -> Option<u64> {
        let gone = self.spent.plus(self.reserved).plus(held).minus(back).of(resource);
        self.limits.of(resource).unwrap_or(u64::MAX).checked_sub(gone)
    }
}
