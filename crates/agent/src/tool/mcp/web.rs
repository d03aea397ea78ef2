//! The requests of MCP's streamable HTTP, on the same hyper and TLS as models are
//! asked by. Knows no tool and no retry; everything is bounded.

#[cfg(test)]
mod tests;

use super::ANSWER_MAX_BYTES;
use crate::provider::connect;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{
    ACCEPT, AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue,
    WWW_AUTHENTICATE,
};
use hyper::{Method, Request, Response, StatusCode, Uri};
use rmcp::model::{ClientJsonRpcMessage, ServerJsonRpcMessage};
use rmcp::transport::streamable_http_client::{
    AuthRequiredError, SseError, StreamableHttpClient, StreamableHttpError,
    StreamableHttpPostResponse,
};
use sse_stream::{Sse, SseStream};
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// How long it may take to reach the server.
const CONNECT_LIMIT: Duration = Duration::from_secs(15);

/// So much of a refusal is read, in bytes.
const REFUSAL_MAX: usize = 4 << 10;

const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
const LAST_EVENT: HeaderName = HeaderName::from_static("last-event-id");
const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream";

/// A request that came to nothing.
#[derive(Debug, thiserror::Error)]
#[error("{words}")]
pub struct WebError {
    words: String,
    /// Nobody took the connection, so nothing was asked.
    pub is_not_reached: bool,
}

impl WebError {
    fn new(words: impl Into<String>) -> WebError {
        WebError { words: words.into(), is_not_reached: false }
    }
}

type Failed = StreamableHttpError<WebError>;

/// The client. Each request has a connection of its own: one that is kept idle may
/// have died unnoticed, and of a call that is sent on it nobody knows whether it took
/// effect. Redirects are not followed: they would carry the headers, secrets and all,
/// to who knows where.
#[derive(Clone)]
pub struct Web;

impl Web {
    async fn send(
        method: Method,
        uri: &str,
        headers: HashMap<HeaderName, HeaderValue>,
        own: HeaderMap,
        body: Vec<u8>,
    ) -> Result<Response<Incoming>, Failed> {
        let failed = |words: String| Failed::Client(WebError::new(words));
        let parsed: Uri = uri.parse().map_err(|_| failed("its url is none".to_owned()))?;
        let host = parsed.authority().map(|host| host.as_str().to_owned()).unwrap_or_default();
        let host = HeaderValue::from_str(host.rsplit('@').next().unwrap_or_default());
        let mut request = Request::new(Full::new(Bytes::from(body)));
        *request.method_mut() = method;
        *request.uri_mut() = parsed;
        request.headers_mut().extend(headers);
        request.headers_mut().extend(own);
        request.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        if let Ok(host) = host {
            request.headers_mut().insert(HOST, host);
        }
        let connection = connect::Connection::default();
        connection.send(uri, CONNECT_LIMIT, request).await.map_err(|words| {
            let is_not_reached = words.starts_with("cannot connect");
            Failed::Client(WebError { words, is_not_reached })
        })
    }

    async fn post(
        uri: &str,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        token: Option<String>,
        headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<StreamableHttpPostResponse, Failed> {
        let body = serde_json::to_vec(&message)?;
        let mut own = own_headers(session.as_deref(), token.as_deref())?;
        own.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
        own.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
        let response = Web::send(Method::POST, uri, headers, own, body).await?;
        let status = response.status();
        if matches!(status, StatusCode::ACCEPTED | StatusCode::NO_CONTENT) {
            return Ok(StreamableHttpPostResponse::Accepted);
        }
        if status == StatusCode::NOT_FOUND && session.is_some() {
            return Err(Failed::SessionExpired);
        }
        if !status.is_success() {
            return Err(refused(response).await);
        }
        let text = |name: &HeaderName| {
            let value = response.headers().get(name).and_then(|value| value.to_str().ok());
            value.map(str::to_owned)
        };
        let (session, kind) = (text(&SESSION), text(&CONTENT_TYPE));
        match kind.as_deref() {
            Some(kind) if kind.starts_with(EVENTS) => {
                Ok(StreamableHttpPostResponse::Sse(events(response), session))
            }
            Some(kind) if kind.starts_with(JSON) => {
                let body = whole(response, ANSWER_MAX_BYTES).await?;
                match serde_json::from_str(&String::from_utf8_lossy(&body)) {
                    Ok(reply) => Ok(StreamableHttpPostResponse::Json(reply, session)),
                    // What answers nothing needs no answer.
                    Err(_) if !matches!(message, ClientJsonRpcMessage::Request(_)) => {
                        Ok(StreamableHttpPostResponse::Accepted)
                    }
                    Err(error) => Err(error.into()),
                }
            }
            _ if !matches!(message, ClientJsonRpcMessage::Request(_)) => {
                Ok(StreamableHttpPostResponse::Accepted)
            }
            _ => Err(Failed::UnexpectedContentType(kind)),
        }
    }

    async fn get(
        uri: &str,
        session: Option<Arc<str>>,
        last_event: Option<String>,
        token: Option<String>,
        headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<BoxStream<'static, Result<Sse, SseError>>, Failed> {
        let mut own = own_headers(session.as_deref(), token.as_deref())?;
        own.insert(ACCEPT, HeaderValue::from_static(EVENTS));
        if let Some(last) = last_event {
            own.insert(LAST_EVENT, value(&last)?);
        }
        let response = Web::send(Method::GET, uri, headers, own, Vec::new()).await?;
        match response.status() {
            StatusCode::METHOD_NOT_ALLOWED => Err(Failed::ServerDoesNotSupportSse),
            StatusCode::NOT_FOUND if session.is_some() => Err(Failed::SessionExpired),
            status if status.is_success() => Ok(events(response)),
            _ => Err(refused(response).await),
        }
    }
}

fn value(text: &str) -> Result<HeaderValue, Failed> {
    let words = "a value of the server's cannot be sent back";
    HeaderValue::from_str(text).map_err(|_| Failed::Client(WebError::new(words)))
}

fn own_headers(session: Option<&str>, token: Option<&str>) -> Result<HeaderMap, Failed> {
    let mut headers = HeaderMap::new();
    if let Some(session) = session {
        headers.insert(SESSION, value(session)?);
    }
    if let Some(token) = token {
        headers.insert(AUTHORIZATION, value(&format!("Bearer {token}"))?);
    }
    Ok(headers)
}

async fn refused(response: Response<Incoming>) -> Failed {
    let status = response.status();
    if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
        let challenge = response.headers().get(WWW_AUTHENTICATE);
        let challenge = challenge.and_then(|value| value.to_str().ok()).unwrap_or_default();
        return Failed::AuthRequired(AuthRequiredError::new(challenge.to_owned()));
    }
    let said = whole(response, REFUSAL_MAX).await.unwrap_or_default();
    if let Ok(ServerJsonRpcMessage::Error(error)) = serde_json::from_slice(&said) {
        return Failed::UnexpectedServerResponse(
            format!("HTTP {status}: {}", error.error.message).into(),
        );
    }
    Failed::UnexpectedServerResponse(
        format!("HTTP {status}: {}", String::from_utf8_lossy(&said).trim()).into(),
    )
}

async fn whole(response: Response<Incoming>, max: usize) -> Result<Vec<u8>, Failed> {
    let mut body = Vec::new();
    let mut pieces = response.into_body().into_data_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| Failed::Client(WebError::new(error.to_string())))?;
        if piece.len() > max - body.len() {
            return Err(Failed::ResponseBodyTooLarge { max_size: max });
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

fn events(response: Response<Incoming>) -> BoxStream<'static, Result<Sse, SseError>> {
    SseStream::from_bytes_stream(bounded(response.into_body().into_data_stream())).boxed()
}

/// The same bytes, up to an event that is too large.
fn bounded<S, E>(bytes: S) -> impl Stream<Item = io::Result<Bytes>> + Send
where
    S: Stream<Item = Result<Bytes, E>> + Send,
    E: std::error::Error + Send + Sync + 'static,
{
    // How long the event is so far, whether its line is empty so far, whether it ended.
    let begun = (0_usize, true, false);
    bytes.scan(begun, |(event, line_is_empty, is_over), piece| {
        if *is_over {
            return std::future::ready(None);
        }
        let piece = piece.map_err(io::Error::other).and_then(|piece| {
            for byte in &piece {
                *event += 1;
                match byte {
                    b'\n' if *line_is_empty => *event = 0,
                    b'\n' => *line_is_empty = true,
                    b'\r' => {}
                    _ => *line_is_empty = false,
                }
                if *event > ANSWER_MAX_BYTES {
                    return Err(io::Error::other("an event is too large"));
                }
            }
            Ok(piece)
        });
        *is_over = piece.is_err();
        std::future::ready(Some(piece))
    })
}

impl StreamableHttpClient for Web {
    type Error = WebError;

    async fn post_message(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session_id: Option<Arc<str>>,
        auth_header: Option<String>,
        custom_headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<StreamableHttpPostResponse, Failed> {
        Web::post(&uri, message, session_id, auth_header, custom_headers).await
    }

    async fn delete_session(
        &self,
        uri: Arc<str>,
        session_id: Arc<str>,
        auth_header: Option<String>,
        custom_headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<(), Failed> {
        let own = own_headers(Some(&session_id), auth_header.as_deref())?;
        let sent = Web::send(Method::DELETE, &uri, custom_headers, own, Vec::new()).await?;
        match sent.status() {
            StatusCode::METHOD_NOT_ALLOWED => Ok(()),
            status if status.is_success() => Ok(()),
            _ => Err(refused(sent).await),
        }
    }

    async fn get_stream(
        &self,
        uri: Arc<str>,
        session_id: Option<Arc<str>>,
        last_event_id: Option<String>,
        auth_header: Option<String>,
        custom_headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<BoxStream<'static, Result<Sse, SseError>>, Failed> {
        Web::get(&uri, session_id, last_event_id, auth_header, custom_headers).await
    }
}
