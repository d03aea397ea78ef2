//! What happened to a process.

use crate::extract::{Asked, Target};
use crate::refusal::Refusal;
use crate::wire::{History, Turn};
use axum::Json;
use axum::extract::State;
use greenroom_model::Seq;
use greenroom_runtime::Node;
use greenroom_runtime::journal::Scope;
use serde::Deserialize;

#[derive(Deserialize)]
pub struct Query {
    /// Only the events after this one.
    after: Option<u64>,
}

/// Its events, oldest first.
pub async fn get(
    State(node): State<Node>,
    Target(id): Target,
    Asked(query): Asked<Query>,
) -> Result<Json<History>, Refusal> {
    let scope = query.after.map_or(Scope::Whole, |after| Scope::After(Seq(after)));
    let turns = node.history(&id, scope).await?;
    Ok(Json(History { turns: turns.into_iter().map(Turn::from).collect() }))
}
