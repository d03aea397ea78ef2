//! Questions to people: list them, answer one.

use crate::extract::{Asked, Body, Change, Target};
use crate::peer::By;
use crate::refusal::Refusal;
use crate::wire::{AnswerRequest, Ask, Asks, Changed};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use greenroom_model::{AskId, Op, ProcessId};
use greenroom_runtime::Node;
use serde::Deserialize;
use std::collections::HashMap;

#[derive(Deserialize)]
pub struct Query {
    /// Only those of this process.
    process: Option<String>,
}

/// Open questions, oldest first.
pub async fn list(
    State(node): State<Node>,
    Asked(query): Asked<Query>,
) -> Result<Json<Asks>, Refusal> {
    let process = query.process.as_deref().map(ProcessId::parse).transpose()?;
    let rows = node.asks(process.as_ref()).await?;
    Ok(Json(Asks { asks: rows.into_iter().map(Ask::from).collect() }))
}

/// 202: the answer is in, and durable.
pub async fn answer(
    Change(node): Change,
    Target(process): Target,
    Path(path): Path<HashMap<String, String>>,
    By(by): By,
    Body(request): Body<AnswerRequest>,
) -> Result<(StatusCode, Json<Changed>), Refusal> {
    let op = path.get("op").and_then(|op| op.parse().ok()).map(Op);
    let op = op.ok_or_else(|| Refusal::bad_request("an ask's number is a whole number"))?;
    let ask = AskId { process, op };
    node.answer(&ask, request.value.payload()?, &by).await?;
    Ok((StatusCode::ACCEPTED, Json(Changed { id: ask.process })))
}
