//! Kinds and their versions.

use crate::refusal::Refusal;
use crate::wire::{KindCount, Kinds};
use axum::Json;
use axum::extract::State;
use greenroom_runtime::Node;

/// Each version of each kind: whether there is code, and who runs it.
pub async fn list(State(node): State<Node>) -> Result<Json<Kinds>, Refusal> {
    let census = node.census().await?;
    Ok(Json(Kinds { kinds: KindCount::of(&node.kinds(), &census) }))
}
