//! Messages that no process took: list them, send them again, drop them.

use crate::extract::{Asked, Body, Change};
use crate::refusal::Refusal;
use crate::wire::{
    DeadLetter, DeadLetters, DropRequest, Dropped, LetterQuery, RequeueRequest, Requeued,
};
use axum::Json;
use axum::extract::{Path, State};
use greenroom_model::{Millis, ProcessId};
use greenroom_runtime::Node;
use greenroom_runtime::journal::LetterListing;

const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 10_000;

/// Dead letters, newest first.
pub async fn list(
    State(node): State<Node>,
    Asked(query): Asked<LetterQuery>,
) -> Result<Json<DeadLetters>, Refusal> {
    let LetterQuery { to, reason, before, limit } = query;
    let to = to.as_deref().map(ProcessId::parse).transpose()?;
    let limit = limit.unwrap_or(LIMIT_DEFAULT).min(LIMIT_MAX);
    let letters = node.letters(LetterListing { to, reason, before, limit }).await?;
    Ok(Json(DeadLetters { dead: letters.into_iter().map(DeadLetter::from).collect() }))
}

/// One of them.
pub async fn get(
    State(node): State<Node>,
    Path(no): Path<String>,
) -> Result<Json<DeadLetter>, Refusal> {
    let no = no.parse().map_err(|_| Refusal::bad_request("a dead letter has a whole number"))?;
    Ok(Json(node.letter(no).await?.into()))
}

/// 200: they are in mailboxes, and durable.
pub async fn requeue(
    Change(node): Change,
    Body(request): Body<RequeueRequest>,
) -> Result<Json<Requeued>, Refusal> {
    node.requeue(&request.letters, request.to.as_ref()).await?;
    Ok(Json(Requeued { requeued: request.letters }))
}

/// 200: they are gone.
pub async fn discard(
    Change(node): Change,
    Body(request): Body<DropRequest>,
) -> Result<Json<Dropped>, Refusal> {
    let DropRequest { letters, all, older_than_ms, to, reason } = request;
    if all != letters.is_empty() {
        return Err(Refusal::bad_request("name letters, or say `all`: not both, not neither"));
    }
    if !all {
        node.drop_letters(&letters).await?;
        return Ok(Json(Dropped { dropped: letters.len() as u64 }));
    }
    let before = Millis(node.now().0.saturating_sub(older_than_ms).saturating_add(1));
    let listing = LetterListing { to, reason, ..LetterListing::default() };
    Ok(Json(Dropped { dropped: node.drop_all_letters(listing, before).await? }))
}
