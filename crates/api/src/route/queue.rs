//! Queues: where steps wait, and opening one again.

use crate::extract::Change;
use crate::refusal::Refusal;
use crate::wire::Queues;
use axum::Json;
use axum::extract::{Path, State};
use greenroom_model::queue::QueueView;
use greenroom_runtime::Node;

/// What each is doing now.
pub async fn list(State(node): State<Node>) -> Json<Queues> {
    Json(Queues { queues: node.queues() })
}

/// Ends a hold and closes the circuit: the queue as it is then.
pub async fn reopen(
    Change(node): Change,
    Path(name): Path<String>,
) -> Result<Json<QueueView>, Refusal> {
    Ok(Json(node.reopen_queue(&name)?))
}
