//! Reading the whole store for what cannot be right.

use crate::refusal::Refusal;
use crate::wire::Verified;
use axum::Json;
use axum::extract::State;
use greenroom_runtime::Node;

/// Takes as long as reading everything takes.
pub async fn get(State(node): State<Node>) -> Result<Json<Verified>, Refusal> {
    Ok(Json(Verified { problems: node.verify().await? }))
}
