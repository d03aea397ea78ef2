//! A new process that shares the history of another up to a point.

use crate::extract::{Body, Change, Target};
use crate::peer::By;
use crate::refusal::Refusal;
use crate::wire::{Changed, ForkRequest};
use axum::Json;
use axum::http::StatusCode;

/// 201, with the new process's id.
pub async fn post(
    Change(node): Change,
    Target(id): Target,
    By(by): By,
    Body(request): Body<ForkRequest>,
) -> Result<(StatusCode, Json<Changed>), Refusal> {
    let id = node.fork(&id, request.at, request.key.as_deref(), &by).await?;
    Ok((StatusCode::CREATED, Json(Changed { id })))
}
