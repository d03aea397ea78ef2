//! Running a process on from an earlier point.

use crate::extract::{Body, Change, Target};
use crate::peer::By;
use crate::refusal::Refusal;
use crate::wire::{Changed, RestartRequest};
use axum::Json;
use axum::http::StatusCode;

/// 202: it has been told.
pub async fn post(
    Change(node): Change,
    Target(id): Target,
    By(by): By,
    Body(request): Body<RestartRequest>,
) -> Result<(StatusCode, Json<Changed>), Refusal> {
    node.restart(&id, request.from.into(), &by).await?;
    Ok((StatusCode::ACCEPTED, Json(Changed { id })))
}
