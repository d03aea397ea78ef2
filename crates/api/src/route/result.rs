//! How a process ended.

use crate::extract::{Asked, Target};
use crate::refusal::Refusal;
use crate::shutdown::Shutdown;
use crate::wire::Outcome;
use axum::Json;
use axum::extract::State;
use greenroom_model::Status;
use greenroom_runtime::Node;
use serde::Deserialize;
use std::time::Duration;

/// Longer waits are cut: a client asks again.
const WAIT_MAX: Duration = Duration::from_secs(60);

#[derive(Deserialize)]
pub struct Query {
    /// How long to wait for the end, in milliseconds.
    wait_ms: Option<u64>,
}

/// `{"exit":null}` if it has not ended in time.
pub async fn get(
    State(node): State<Node>,
    State(shutdown): State<Shutdown>,
    Target(id): Target,
    Asked(query): Asked<Query>,
) -> Result<Json<Outcome>, Refusal> {
    let row = node.examined(&id).await?;
    let wait = Duration::from_millis(query.wait_ms.unwrap_or(0)).min(WAIT_MAX);
    // Of a damaged one it says what is wrong, at once.
    let answers = wait.is_zero() && row.status != Status::Damaged;
    if row.status.is_ended() || answers {
        return Ok(Json(Outcome { exit: row.exit.filter(|_| row.status.is_ended()) }));
    }
    let exit = tokio::select! {
        exit = node.result(&id, Some(wait)) => exit?,
        () = shutdown.begun() => None,
    };
    Ok(Json(Outcome { exit }))
}
