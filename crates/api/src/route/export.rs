//! Every process with its whole history, a line each.

use crate::refusal::Refusal;
use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, TryStreamExt};
use greenroom_runtime::{Error, Node};

/// Newline-delimited JSON. A stream that ends early was cut off by an error:
/// the connection then breaks instead of ending well, and the last line, which
/// says that it is whole, is missing.
pub async fn get(State(node): State<Node>) -> Result<Response, Refusal> {
    // Errors at the beginning can still be told in words.
    let first = node.export_page(node.export()).await?;
    let pages = stream::try_unfold((node, Some(first)), |(node, next)| async move {
        let Some((export, Some(page))) = next else {
            return Ok(None);
        };
        let next = node.export_page(export).await.map_err(broken)?;
        Ok::<_, std::io::Error>(Some((page.text, (node, Some(next)))))
    });
    let body = Body::from_stream(pages.map_ok(axum::body::Bytes::from));
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], body).into_response())
}

fn broken(error: Error) -> std::io::Error {
    std::io::Error::other(error.to_string())
}
