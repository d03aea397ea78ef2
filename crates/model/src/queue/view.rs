//! What a queue is doing, for people.

use super::circuit::CircuitState;
use serde::{Deserialize, Serialize};

/// A queue at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueView {
    /// Its name; `kind:NAME` is that of a kind's own limit.
    pub name: String,
    /// No queue of this name is declared: its steps were asked for when one was,
    /// and wait for a binary that declares it again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub missing: bool,
    /// Steps that wait.
    pub waiting: usize,
    /// Steps that were let in and have not ended.
    pub running: usize,
    /// How many may run at once now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Between what that is found, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adaptive: Option<(u32, u32)>,
    /// How many may begin in a period, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<String>,
    /// Where its circuit breaker stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circuit: Option<CircuitState>,
    /// How long the first in the line has been waiting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_wait_ms: Option<u64>,
    /// The downstream has asked to be left alone for so long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_for_ms: Option<u64>,
    /// Tenants that wait.
    pub tenants: usize,
}

impl QueueView {
    /// A queue that is not declared, and that so many steps wait for.
    pub fn missing(name: &str, waiting: usize, oldest_wait_ms: Option<u64>) -> QueueView {
        QueueView {
            name: name.to_owned(),
            missing: true,
            waiting,
            running: 0,
            limit: None,
            adaptive: None,
            rate: None,
            circuit: None,
            oldest_wait_ms,
            held_for_ms: None,
            tenants: 0,
        }
    }
}
