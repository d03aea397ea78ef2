//! Queues on the wire.

use greenroom_model::queue::QueueView;
use serde::{Deserialize, Serialize};

/// `GET /v1/queues`: what each queue of the node is doing.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Queues {
    /// By name.
    pub queues: Vec<QueueView>,
}
