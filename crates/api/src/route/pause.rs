//! Holding a process, and letting it go on.

use crate::extract::{Change, Target};
use crate::peer::By;
use crate::refusal::Refusal;
use crate::wire::Changed;
use axum::Json;
use axum::http::StatusCode;

/// 202: it has been told to hold its effects back.
pub async fn pause(
    Change(node): Change,
    Target(id): Target,
    By(by): By,
) -> Result<(StatusCode, Json<Changed>), Refusal> {
    node.pause(&id, &by).await?;
    Ok((StatusCode::ACCEPTED, Json(Changed { id })))
}

/// 202: it has been told to go on.
pub async fn resume(
    Change(node): Change,
    Target(id): Target,
    By(by): By,
) -> Result<(StatusCode, Json<Changed>), Refusal> {
    node.resume(&id, &by).await?;
    Ok((StatusCode::ACCEPTED, Json(Changed { id })))
}
