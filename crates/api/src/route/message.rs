//! Messages from outside.

use crate::extract::{Body, Change, Target};
use crate::peer::By;
use crate::refusal::Refusal;
use crate::wire::{MessageRequest, MessageTaken};
use axum::Json;
use axum::http::StatusCode;
use greenroom_runtime::SendRequest;

/// 202: it is in the mailbox, and durable.
pub async fn post(
    Change(node): Change,
    Target(id): Target,
    By(by): By,
    Body(request): Body<MessageRequest>,
) -> Result<(StatusCode, Json<MessageTaken>), Refusal> {
    let body = request.body.payload()?;
    let sent = node.send(&id, SendRequest { topic: request.topic, body, by }).await?;
    Ok((StatusCode::ACCEPTED, Json(MessageTaken { repeated: sent.repeated })))
}
