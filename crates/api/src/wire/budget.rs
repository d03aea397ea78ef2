//! Budgets on the wire.

use greenroom_model::budget::Budget;
use serde::{Deserialize, Serialize};

/// `POST …/budget`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RaiseRequest {
    /// How much more of each: `{"messages": 500}`.
    pub add: Budget,
}
