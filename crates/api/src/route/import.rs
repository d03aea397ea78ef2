//! Taking in what another store exported.

use crate::refusal::Refusal;
use crate::wire::Imported;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use futures_util::StreamExt;
use greenroom_runtime::{Node, spool};
use std::io::Write;

/// Takes all of it in or nothing. The whole file comes first, so that a slow
/// sender holds up nobody.
pub async fn post(State(node): State<Node>, body: Body) -> Result<Json<Imported>, Refusal> {
    let mut file = spool().map_err(unwritable)?;
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| Refusal::bad_request(error.to_string()))?;
        file.write_all(&chunk).map_err(unwritable)?;
    }
    Ok(Json(node.import(file).await?.into()))
}

fn unwritable(error: std::io::Error) -> Refusal {
    let words = format!("the node cannot keep the file while it reads it: {error}");
    Refusal::new(StatusCode::INSUFFICIENT_STORAGE, "no_room", words)
        .next("make room in its directory for temporary files (TMPDIR)")
}
