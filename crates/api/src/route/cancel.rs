//! Ending a process from outside.

use crate::extract::{Body, Change, Target};
use crate::peer::By;
use crate::refusal::Refusal;
use crate::wire::{CancelRequest, Changed};
use axum::Json;
use axum::http::StatusCode;

/// 202: it has been told. With `kill` its code is not run again.
pub async fn post(
    Change(node): Change,
    Target(id): Target,
    By(by): By,
    Body(request): Body<CancelRequest>,
) -> Result<(StatusCode, Json<Changed>), Refusal> {
    if request.kill && request.tree {
        let words = "a tree is cancelled, not killed: who is killed passes nothing on";
        return Err(Refusal::bad_request(words.to_owned()));
    }
    if request.tree {
        node.cancel_tree(&id, &request.reason, &by).await?;
    } else if request.kill {
        node.kill(&id, &request.reason, &by).await?;
    } else {
        node.cancel(&id, &request.reason, &by).await?;
    }
    Ok((StatusCode::ACCEPTED, Json(Changed { id })))
}
