//! Messages that no process took.

use crate::extract::Asked;
use crate::refusal::Refusal;
use crate::wire::{DeadLetter, DeadLetters};
use axum::Json;
use axum::extract::State;
use greenroom_runtime::Node;
use serde::Deserialize;

const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 10_000;

#[derive(Deserialize)]
pub struct Query {
    /// At most this many.
    limit: Option<usize>,
}

/// Dead letters, newest first.
pub async fn list(
    State(node): State<Node>,
    Asked(query): Asked<Query>,
) -> Result<Json<DeadLetters>, Refusal> {
    let letters = node.dead(query.limit.unwrap_or(LIMIT_DEFAULT).min(LIMIT_MAX)).await?;
    Ok(Json(DeadLetters { dead: letters.into_iter().map(DeadLetter::from).collect() }))
}
