//! Reading requests, so that whatever is wrong with one is answered in our own
//! words: bodies, queries, ids in paths.

use crate::refusal::Refusal;
use axum::body::Bytes;
use axum::extract::{FromRef, FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use greenroom_model::{PAYLOAD_MAX_BYTES, ProcessId};
use greenroom_runtime::Node;
use serde::de::DeserializeOwned;
use std::collections::HashMap;

/// The header that makes repeating a request harmless (an IETF draft).
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The largest body: a payload and the words around it.
pub const BODY_MAX_BYTES: usize = PAYLOAD_MAX_BYTES + (1 << 20);

/// A JSON body.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Body<T>, Refusal> {
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| {
            if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
                let words = format!("the body is over the limit of {BODY_MAX_BYTES} bytes");
                return Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", words)
                    .next("put large data in a file or an object store and pass its name");
            }
            Refusal::bad_request(rejection.body_text())
        })?;
        // An empty body is an empty object: every field may have a default.
        let bytes: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        let value = serde_json::from_slice(bytes);
        value.map(Body).map_err(|error| Refusal::bad_request(format!("the body: {error}")))
    }
}

/// A web page may send a form, or nothing, to any address without asking; it
/// may not send JSON. So JSON is asked for wherever something changes, and a
/// node on TCP is safe from pages.
pub async fn only_json(request: Request, next: Next) -> Response {
    let given = request.headers().get(header::CONTENT_TYPE);
    let given = given.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_json = given.split(';').next().is_some_and(|kind| kind.trim().ends_with("json"));
    if is_json || request.method() == Method::GET {
        return next.run(request).await;
    }
    let words = format!("the body's type is `{given}`; send `content-type: application/json`");
    let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    Refusal::new(status, "bad_request", words).into_response()
}

/// A query string.
pub struct Asked<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Asked<T>, Refusal> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(value)) => Ok(Asked(value)),
            Err(rejection) => Err(Refusal::bad_request(rejection.body_text())),
        }
    }
}

/// The node, for one change: under the request's `Idempotency-Key`, if it has
/// one.
pub struct Change(pub Node);

impl<S: Send + Sync> FromRequestParts<S> for Change
where
    Node: FromRef<S>,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Change, Refusal> {
        let node = Node::from_ref(state);
        let Some(key) = parts.headers.get(IDEMPOTENCY_KEY) else {
            return Ok(Change(node));
        };
        // What is no text is no key, and refused as such.
        Ok(Change(node.once(key.to_str().unwrap_or_default())?))
    }
}

/// The process in the path, `{kind}/{key}`.
pub struct Target(pub ProcessId);

impl<S: Send + Sync> FromRequestParts<S> for Target {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Target, Refusal> {
        let path = Path::<HashMap<String, String>>::from_request_parts(parts, state).await;
        let Path(path) = path.map_err(|rejection| Refusal::bad_request(rejection.body_text()))?;
        let part = |name| path.get(name).map_or("", String::as_str);
        Ok(Target(ProcessId::new(part("kind"), part("key"))?))
    }
}
