//! A new process that shares the history of another up to a point.

use crate::extract::{Body, Target};
use crate::peer::By;
use crate::refusal::Refusal;
use crate::wire::{Changed, ForkRequest};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use greenroom_runtime::Node;

/// 201, with the new process's id.
pub async fn post(
    State(node): State<Node>,
    Target(id): Target,
    By(by): By,
    Body(request): Body<ForkRequest>,
) -> Result<(StatusCode, Json<Changed>), Refusal> {
    let id = node.fork(&id, request.at, request.key.as_deref(), &by).await?;
    Ok((StatusCode::CREATED, Json(Changed { id })))
}
