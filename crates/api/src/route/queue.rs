//! Queues: where steps wait.

use crate::wire::Queues;
use axum::Json;
use axum::extract::State;
use greenroom_runtime::Node;

/// What each is doing now.
pub async fn list(State(node): State<Node>) -> Json<Queues> {
    Json(Queues { queues: node.queues() })
}
