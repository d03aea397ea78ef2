//! Every process with its whole history, a line each.

use crate::refusal::Refusal;
use crate::wire::line;
use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, TryStreamExt};
use greenroom_model::ProcessNo;
use greenroom_runtime::Node;

/// How many processes are in memory at once.
const PAGE: usize = 16;

/// Newline-delimited JSON. A stream that ends early was cut off by an error:
/// the connection then breaks instead of ending well.
pub async fn get(State(node): State<Node>) -> Result<Response, Refusal> {
    let first = page(node.clone(), ProcessNo(0)).await?;
    let pages = stream::try_unfold((node, Some(first)), |(node, next)| async move {
        let Some((text, last)) = next else {
            return Ok(None);
        };
        let next = match last {
            None => None,
            Some(last) => Some(page(node.clone(), last).await.map_err(broken)?),
        };
        Ok::<_, std::io::Error>(Some((text, (node, next))))
    });
    let body = Body::from_stream(pages.map_ok(axum::body::Bytes::from));
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], body).into_response())
}

/// Some lines, and where the next ones begin.
async fn page(node: Node, after: ProcessNo) -> Result<(String, Option<ProcessNo>), Refusal> {
    let processes = node.export(after, PAGE).await?;
    let mut text = String::new();
    for process in &processes {
        text.push_str(&line(process).map_err(|error| Refusal::bad_request(error.to_string()))?);
        text.push('\n');
    }
    Ok((text, processes.last().map(|process| process.no)))
}

fn broken(refusal: Refusal) -> std::io::Error {
    std::io::Error::other(refusal.words().message.clone())
}
