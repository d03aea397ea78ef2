//! The state a process shows.

use crate::extract::Target;
use crate::refusal::Refusal;
use crate::wire;
use axum::Json;
use axum::extract::State;
use greenroom_runtime::Node;

/// By key.
pub async fn get(
    State(node): State<Node>,
    Target(id): Target,
) -> Result<Json<wire::State>, Refusal> {
    let rows = node.state(&id).await?;
    Ok(Json(wire::State { state: rows.into_iter().map(wire::StateEntry::from).collect() }))
}
