//! Budgets: what a tree of processes may spend, as accounts under accounts.
//! Pure.

use serde::{Deserialize, Serialize};

/// The name of an account: the process that was given it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountId(pub crate::ProcessId);
