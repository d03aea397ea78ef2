//! A stop under way: children stop one after the other in reverse order of
//! their start (a dynamic supervisor's all at once), then something follows.

use super::action::Outcome;
use crate::Millis;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A child's place in the order of starts.
pub(super) type Place = u64;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Plan {
    /// Who is yet to be stopped; the last is first.
    pub to_stop: BTreeSet<Place>,
    /// Who was asked to and has not ended.
    pub stopping: BTreeSet<Place>,
    /// They need not wait for each other.
    pub at_once: bool,
    /// They are kept, with their mailboxes, since they will be started again.
    pub hold: bool,
    pub then: Then,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Then {
    /// These are started, in order, not before this point in time.
    Restart { children: BTreeSet<Place>, not_before: Millis },
    /// The one that was stopped stays so.
    Rest,
    /// The supervisor ends.
    End(Outcome),
}

impl Plan {
    /// Whether it decides about this child.
    pub fn includes(&self, place: Place) -> bool {
        self.to_stop.contains(&place)
            || self.stopping.contains(&place)
            || matches!(&self.then, Then::Restart { children, .. } if children.contains(&place))
    }
}
