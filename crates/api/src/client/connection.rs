//! The connection: requests out, answers and errors back.

use super::error::{ClientError, NO_ANSWER};
use greenroom_runtime::Env;
use reqwest::{Method, RequestBuilder, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A client of the node behind one socket. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    /// For requests whose answer may take its time.
    patient: reqwest::Client,
    /// Keys and waits for requests that are repeated.
    env: Option<Arc<dyn Env>>,
}

/// A node that runs answers sooner, or sends the next part of its answer.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// The same, where only that is asked.
const PROOF_MAX: Duration = Duration::from_secs(3);

/// How often a change whose answer was lost is asked for again, and how long
/// after: time enough for a node to be started anew.
const TRIES_MAX: usize = 20;
const AGAIN_AFTER: Duration = Duration::from_millis(150);

impl Client {
    /// Does not connect yet.
    ///
    /// # Errors
    /// If the system refuses what a client needs.
    pub fn new(socket: &Path) -> Result<Client, ClientError> {
        // A proxy from the environment has no business on this socket.
        let builder = || reqwest::Client::builder().unix_socket(socket).no_proxy();
        let http = builder().connect_timeout(ANSWER_MAX).read_timeout(ANSWER_MAX).build()?;
        Ok(Client { http, patient: builder().build()?, env: None })
    }

    /// Sends every change under a key of its own, and asks again where the
    /// connection broke before the answer came: it is done once all the same.
    #[must_use]
    pub fn insisting(self, env: Arc<dyn Env>) -> Client {
        Client { env: Some(env), ..self }
    }

    /// A request to a path below `/v1`. The host is only a name: all goes
    /// through the socket.
    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("http://greenroom/v1/{path}"))
    }

    /// The same for one that may rightly take long: it is waited for without bound.
    pub(super) fn long_request(&self, method: Method, path: &str) -> RequestBuilder {
        self.patient.request(method, format!("http://greenroom/v1/{path}"))
    }

    /// Whether the node gives any answer at all. It may run and give none: it is
    /// suspended, say.
    pub async fn answers(&self) -> bool {
        let asked = answered(self.request(Method::GET, "node").timeout(PROOF_MAX)).await;
        !asked.is_err_and(|error| error.code == NO_ANSWER)
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
        self.change(self.request(Method::POST, path).json(body), None).await
    }

    /// Has something changed, under this key or one of its own.
    pub(super) async fn change<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
        key: Option<&str>,
    ) -> Result<T, ClientError> {
        let own = || self.env.as_ref().map(|env| format!("{:016x}{:016x}", env.seed(), env.seed()));
        let Some(key) = key.map(str::to_owned).or_else(own) else {
            return read(request).await;
        };
        let request = request.header("idempotency-key", key);
        let mut lost = None;
        for _ in 0..TRIES_MAX {
            let (Some(env), Some(again)) = (&self.env, request.try_clone()) else { break };
            match read(again).await {
                Err(error) if error.code == "broken" => lost = Some(error),
                // It may be coming back.
                Err(error) if error.is_no_node() && lost.is_some() => {}
                answer => return answer,
            }
            env.sleep(AGAIN_AFTER).await;
        }
        match lost {
            Some(error) => Err(error),
            None => read(request).await,
        }
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
pub(super) fn escaped(text: &str) -> String {
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
