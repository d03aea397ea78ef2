//! Messages from outside.

use crate::extract::{Body, Target};
use crate::peer::By;
use crate::refusal::Refusal;
use crate::wire::{MessageRequest, MessageTaken};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use greenroom_runtime::{Error, Node, SendRequest};

/// 202: it is in the mailbox, and durable.
pub async fn post(
    State(node): State<Node>,
    Target(id): Target,
    By(by): By,
    headers: HeaderMap,
    Body(request): Body<MessageRequest>,
) -> Result<(StatusCode, Json<MessageTaken>), Refusal> {
    let request_key = match headers.get("idempotency-key") {
        None => None,
        Some(key) => Some(request_key(key.to_str().ok())?),
    };
    let body = request.body.payload()?;
    let send = SendRequest { topic: request.topic, body, by, request_key };
    let repeated = match node.send(&id, send).await {
        Ok(()) => false,
        Err(Error::Repeated { .. }) => true,
        Err(error) => return Err(error.into()),
    };
    Ok((StatusCode::ACCEPTED, Json(MessageTaken { repeated })))
}

fn request_key(text: Option<&str>) -> Result<String, Refusal> {
    const KEY_MAX_BYTES: usize = 200;
    let text = text.filter(|text| !text.is_empty() && text.len() <= KEY_MAX_BYTES);
    text.map(str::to_owned)
        .ok_or_else(|| Refusal::bad_request("`Idempotency-Key` has 1 to 200 plain characters"))
}
