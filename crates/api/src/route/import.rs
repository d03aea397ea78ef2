//! Taking in what another store exported, a process a line.

use crate::refusal::Refusal;
use crate::wire::Imported;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use futures_util::StreamExt;
use greenroom_runtime::{Exported, Node};

/// The longest line: a process with a very long history.
const LINE_MAX_BYTES: usize = 1 << 30;

/// Takes the lines in as they come. What came before an error stays; giving
/// the same lines again is harmless.
pub async fn post(State(node): State<Node>, body: Body) -> Result<Json<Imported>, Refusal> {
    let mut chunks = body.into_data_stream();
    let mut imported = Imported::default();
    let mut rest: Vec<u8> = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| Refusal::bad_request(error.to_string()))?;
        let seen = rest.len();
        rest.extend_from_slice(&chunk);
        let mut begin = 0;
        while let Some(at) = rest[begin.max(seen)..].iter().position(|byte| *byte == b'\n') {
            let end = begin.max(seen) + at;
            take(&node, &rest[begin..end], &mut imported).await?;
            begin = end + 1;
        }
        rest.drain(..begin);
        if rest.len() > LINE_MAX_BYTES {
            let words = format!("a line is over the limit of {LINE_MAX_BYTES} bytes");
            return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", words));
        }
    }
    take(&node, &rest, &mut imported).await?;
    Ok(Json(imported))
}

async fn take(node: &Node, line: &[u8], imported: &mut Imported) -> Result<(), Refusal> {
    if line.iter().all(u8::is_ascii_whitespace) {
        return Ok(());
    }
    let process: Exported = serde_json::from_slice(line).map_err(|error| {
        let count = imported.imported + imported.present + 1;
        Refusal::bad_request(format!("process {count} of this import cannot be read: {error}"))
    })?;
    if node.import(process).await? {
        imported.imported += 1;
    } else {
        imported.present += 1;
    }
    Ok(())
}
