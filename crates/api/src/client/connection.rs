//! The connection: requests out, answers and errors back.

use super::error::ClientError;
use reqwest::{Method, RequestBuilder, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::Path;

/// A client of the node behind one socket. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
}

impl Client {
    /// Does not connect yet.
    ///
    /// # Errors
    /// If the system refuses what a client needs.
    pub fn new(socket: &Path) -> Result<Client, ClientError> {
        // A proxy from the environment has no business on this socket.
        let builder = reqwest::Client::builder().unix_socket(socket).no_proxy();
        Ok(Client { http: builder.build()? })
    }

    /// A request to a path below `/v1`. The host is only a name: all goes
    /// through the socket.
    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("http://greenroom/v1/{path}"))
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        read(self.request(Method::GET, path)).await
    }

    pub(super) async fn get_with<Q: Serialize, T: DeserializeOwned>(
        &self,
        path: &str,
        query: &Q,
    ) -> Result<T, ClientError> {
        read(with_query(self.request(Method::GET, path), query)?).await
    }

    pub(super) async fn post<B: Serialize, T: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<T, ClientError> {
        read(self.request(Method::POST, path).json(body)).await
    }
}

/// Ids and words of ours hold nothing that a query must escape, but what
/// people type may.
fn with_query<Q: Serialize>(
    request: RequestBuilder,
    query: &Q,
) -> Result<RequestBuilder, ClientError> {
    let value = serde_json::to_value(query)
        .map_err(|error| ClientError::new("bad_request", error.to_string()))?;
    let mut url = String::new();
    for (name, value) in value.as_object().into_iter().flatten() {
        let text = match value {
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let space = if url.is_empty() { "" } else { "&" };
        url.push_str(&format!("{space}{name}={}", escaped(&text)));
    }
    let (client, request) = request.build_split();
    let mut request = request?;
    request.url_mut().set_query(Some(&url));
    Ok(RequestBuilder::from_parts(client, request))
}

/// Percent-encoding of all but letters, digits and `-_.~` (RFC 3986).
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Sends it; an error status becomes the node's words.
pub(super) async fn answered(request: RequestBuilder) -> Result<Response, ClientError> {
    let response = request.send().await?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body = response.bytes().await?;
    Err(ClientError::of_body(status.as_u16(), &body))
}

/// Sends it and reads the answer.
pub(super) async fn read<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, ClientError> {
    let body = answered(request).await?.bytes().await?;
    serde_json::from_slice(&body).map_err(|error| {
        let words = format!("the node's answer cannot be read: {error}");
        ClientError {
            next: Some("the node and this command may be of different versions".to_owned()),
            ..ClientError::new("not_understood", words)
        }
    })
}
