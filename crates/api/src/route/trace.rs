//! What one request caused, across processes.

use crate::extract::{Asked, Target};
use crate::refusal::Refusal;
use crate::wire::{Trace, place_of};
use axum::Json;
use axum::extract::State;
use greenroom_runtime::Node;
use greenroom_runtime::journal::TraceListing;
use serde::Deserialize;

/// How many parts of turns a page holds, unless it says otherwise; at most.
const LIMIT: usize = 1_000;
const LIMIT_MAX: usize = 10_000;

#[derive(Deserialize)]
pub struct Query {
    /// What `next` said on the page before.
    after: Option<String>,
    /// At most so many.
    limit: Option<usize>,
}

/// A page of it, in order.
pub async fn get(
    State(node): State<Node>,
    Target(id): Target,
    Asked(query): Asked<Query>,
) -> Result<Json<Trace>, Refusal> {
    let bad = |mark: &str| {
        let mark: String = mark.chars().take(60).collect();
        Refusal::bad_request(format!("`after={mark}` is not what `next` of a page said"))
    };
    let after = query.after.as_deref().map(|mark| place_of(mark).ok_or_else(|| bad(mark)));
    let limit = query.limit.unwrap_or(LIMIT).clamp(1, LIMIT_MAX);
    let listing = TraceListing { root: id.to_string(), after: after.transpose()?, limit };
    Ok(Json(Trace::page(node.trace(listing).await?, limit)))
}
