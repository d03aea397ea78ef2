//! Holding a process, and letting it go on.

use crate::extract::Target;
use crate::peer::By;
use crate::refusal::Refusal;
use crate::wire::Changed;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use greenroom_runtime::Node;

/// 202: it has been told to hold its effects back.
pub async fn pause(
    State(node): State<Node>,
    Target(id): Target,
    By(by): By,
) -> Result<(StatusCode, Json<Changed>), Refusal> {
    node.pause(&id, &by).await?;
    Ok((StatusCode::ACCEPTED, Json(Changed { id })))
}

/// 202: it has been told to go on.
pub async fn resume(
    State(node): State<Node>,
    Target(id): Target,
    By(by): By,
) -> Result<(StatusCode, Json<Changed>), Refusal> {
    node.resume(&id, &by).await?;
    Ok((StatusCode::ACCEPTED, Json(Changed { id })))
}
