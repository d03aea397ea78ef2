//! Ending a process from outside.

use crate::extract::{Body, Target};
use crate::peer::By;
use crate::refusal::Refusal;
use crate::wire::{CancelRequest, Changed};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use greenroom_runtime::Node;

/// 202: it has been told. With `kill` its code is not run again.
pub async fn post(
    State(node): State<Node>,
    Target(id): Target,
    By(by): By,
    Body(request): Body<CancelRequest>,
) -> Result<(StatusCode, Json<Changed>), Refusal> {
    if request.kill {
        node.kill(&id, &request.reason, &by).await?;
    } else {
        node.cancel(&id, &request.reason, &by).await?;
    }
    Ok((StatusCode::ACCEPTED, Json(Changed { id })))
}
