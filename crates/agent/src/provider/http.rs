//! Requests to model servers and what comes back, event by event: the last hop,
//! where a key is put in. Knows no protocol.
//!
//! Not on reqwest: cargo unites features, so its TLS without a provider of its own
//! would make every other client in a program panic, and its default TLS is
//! aws-lc-rs. Below it is the same hyper.

use super::OnDelta;
use super::body::counted;
use super::connect::Connection;
use super::fault::{Asked, Complaint, causes, retry_after};
use super::json::Json;
use super::key::{Expanded, Key, expanded};
use super::redact::Redact;
use super::reply::{Delta, Reply, Usage};
use super::request::Request as ModelRequest;
use super::secret::Secret;
use super::{failure, sse};
use crate::conversation::Origin;
use bytes::Bytes;
use futures_util::future::{Either, select};
use greenroom_model::Failure;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Request, Response, StatusCode};
use serde::Serialize;
use std::fmt;
use std::pin::pin;
use std::time::Duration;

/// Where a provider is, and how it is reached.
#[derive(Clone)]
pub struct Endpoint {
    /// The provider's name, for people and for error texts.
    pub name: String,
    /// Its address, up to what its protocol adds: `https://api.openai.com/v1`.
    pub url: String,
    /// Its key.
    pub key: Key,
    /// Further headers; `${NAME}` in a value is the secret of that name. One of
    /// the name of the protocol's own (`authorization`) takes its place.
    pub headers: Vec<(String, String)>,
    /// How long and how much.
    pub limits: Limits,
}

impl Endpoint {
    /// Of this name, address and key.
    pub fn new(name: impl Into<String>, url: impl Into<String>, key: Key) -> Endpoint {
        let url = url.into().trim_end_matches('/').to_owned();
        Endpoint { name: name.into(), url, key, headers: Vec::new(), limits: Limits::default() }
    }

    /// Whose the replies are that come from here.
    pub fn origin(&self) -> Origin {
        Origin { provider: self.name.clone(), url: self.url.clone() }
    }
}

impl fmt::Debug for Endpoint {
    /// Headers by their names: a value may be a key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Endpoint")
            .field("name", &self.name)
            .field("url", &self.url)
            .field("key", &self.key)
            .field("headers", &headers)
            .field("limits", &self.limits)
            .finish()
    }
}

/// How long a server may take, and how much it may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// To connect.
    pub connect: Duration,
    /// From one byte to the next, and until the first one: a server that loads a
    /// model first, or thinks, sends nothing for minutes.
    pub idle: Duration,
    /// The longest event, in bytes.
    pub event_bytes_max: usize,
    /// The longest reply, in bytes.
    pub reply_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connect: Duration::from_secs(10),
            idle: Duration::from_secs(300),
            event_bytes_max: 8 << 20,
            // It is journaled twice, in words and as it came, and a payload has 32 MiB.
            reply_bytes_max: 8 << 20,
        }
    }
}

/// Of a complaint, so much is read.
const COMPLAINT_BYTES_MAX: usize = 64 << 10;

/// After a reply's last event its end is waited for so long: a connection that was
/// read to its end can be used again.
const LINGER: Duration = Duration::from_millis(100);

/// One request.
pub(crate) struct Post<'a, B> {
    /// What is added to the endpoint's address.
    pub path: String,
    pub asked: &'a ModelRequest,
    /// The same for every attempt of one call.
    pub idempotency_key: &'a str,
    /// The header that takes the key; `authorization` gets it as a bearer.
    pub key_header: &'static str,
    pub headers: &'a [(&'static str, &'a str)],
    pub body: &'a B,
}

/// What is wrong with a reply, before it is known who sent it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Wrong {
    /// The server says that it failed.
    Failed(Complaint),
    /// It says what its protocol does not know.
    Nonsense(String),
    /// It is no JSON.
    NoJson {
        /// Why.
        why: String,
        /// What it is instead.
        said: String,
        /// It may be the beginning of some.
        is_half: bool,
    },
    /// It has more than so many bytes.
    TooLong(usize),
    /// It ended in the middle.
    Cut,
}

/// Makes a reply of events.
pub(crate) trait Decode: Send {
    /// Takes one event. An error ends the reply.
    fn take(&mut self, event: &sse::Event, on_delta: OnDelta<'_>) -> Result<(), Wrong>;

    /// All has come, as one document: nothing of it is missing.
    fn whole(&mut self) {}

    /// Whether nothing more is to come.
    fn is_done(&self) -> bool;

    /// What the server has said that it took, so far.
    fn usage(&self) -> Usage;

    /// The whole, once the stream is over.
    fn finish(self) -> Result<Reply, Wrong>;
}

/// The connections to one endpoint.
pub(crate) struct Http {
    pub endpoint: Endpoint,
    connection: Connection,
}

impl Http {
    pub fn new(endpoint: Endpoint) -> Http {
        Http { endpoint, connection: Connection::default() }
    }

    /// Makes one attempt.
    pub async fn send<D: Decode, B: Serialize + Sync>(
        &self,
        post: Post<'_, B>,
        mut decoder: D,
        on_delta: OnDelta<'_>,
    ) -> Result<Reply, Failure> {
        let Endpoint { name, url, .. } = &self.endpoint;
        let secrets = self.secrets()?;
        let redact = Redact::only(secrets.all().cloned());
        let model = post.asked.model.clone();
        let asked = Asked { provider: name.clone(), model, url: url.clone(), redact };
        let request = self.request(&post, &secrets, &asked)?;
        let response = self.respond(request, &asked).await?;
        if response.status() != StatusCode::OK {
            return Err(self.complaint(response).await.into_failure(&asked));
        }
        let is_whole = is_document(&response);
        let mut on_delta = |delta| on_delta(asked.redact.delta(delta));
        let wrong = match self.read(response, &mut decoder, &mut on_delta, &asked).await? {
            Some(wrong) => wrong,
            None => match decoder.finish() {
                Ok(reply) => return Ok(asked.redact.reply(self.signed(reply, post.asked))),
                Err(Wrong::Cut) if is_whole => {
                    Wrong::Nonsense("a whole document that is no reply".to_owned())
                }
                Err(wrong) => wrong,
            },
        };
        Err(failed(wrong, &asked))
    }

    /// What the next request is made with.
    fn secrets(&self) -> Result<Secrets<'_>, Failure> {
        let Endpoint { name: provider, key, headers, .. } = &self.endpoint;
        let key = key.read(provider)?;
        let headers = headers.iter();
        let headers =
            headers.map(|(name, value)| Ok((name.as_str(), expanded(provider, name, value)?)));
        Ok(Secrets { key, headers: headers.collect::<Result<_, Failure>>()? })
    }

    /// A reply with whose it is, and its usage guessed if the server has told none that can be.
    fn signed(&self, mut reply: Reply, asked: &ModelRequest) -> Reply {
        let mut said = 0;
        if let Some(raw) = &mut reply.message.raw {
            raw.by = Some(self.endpoint.origin());
            said = raw.blocks.text().len();
        }
        reply.usage = counted(reply.usage, asked.chars(), said);
        reply
    }

    fn request<B: Serialize>(
        &self,
        post: &Post<'_, B>,
        secrets: &Secrets<'_>,
        asked: &Asked,
    ) -> Result<Request<Full<Bytes>>, Failure> {
        let bad = |what: String| asked.failure(failure::BAD_REQUEST, false, &what);
        let body = serde_json::to_vec(post.body).map_err(|error| bad(error.to_string()))?;
        let uri = format!("{}{}", self.endpoint.url, post.path);
        let mut request = Request::post(&uri)
            .header(CONTENT_TYPE, "application/json")
            .header("accept", "text/event-stream, application/json")
            .header("user-agent", concat!("greenroom/", env!("CARGO_PKG_VERSION")))
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| bad(format!("the url `{uri}` is none: {error}")))?;
        let headers = request.headers_mut();
        let mut put = |name: &str, value: &str, hidden: bool| {
            let parsed = (HeaderName::try_from(name), HeaderValue::from_str(value));
            // The value is not quoted: it may be a key.
            let (Ok(name), Ok(mut value)) = parsed else {
                return Err(bad(format!(
                    "the header `{name}` has a name or value that cannot be sent"
                )));
            };
            value.set_sensitive(hidden);
            headers.insert(name, value);
            Ok(())
        };
        if !post.idempotency_key.is_empty() {
            put("idempotency-key", post.idempotency_key, false)?;
        }
        for (name, value) in post.headers {
            put(name, value, false)?;
        }
        if let Some(key) = &secrets.key {
            let key = key.reveal();
            match post.key_header {
                name if name == AUTHORIZATION.as_str() => {
                    put(name, &format!("Bearer {key}"), true)?
                }
                name => put(name, key, true)?,
            }
        }
        for (name, header) in &secrets.headers {
            put(name, header.value.reveal(), true)?;
        }
        Ok(request)
    }

    async fn respond(
        &self,
        request: Request<Full<Bytes>>,
        asked: &Asked,
    ) -> Result<Response<Incoming>, Failure> {
        let Endpoint { url, limits, .. } = &self.endpoint;
        let response = self.connection.send(url, limits.connect, request);
        match within(limits.idle, response).await {
            Some(Ok(response)) => Ok(response),
            Some(Err(cause)) => Err(asked.connection(&cause)),
            None => Err(asked.connection(&format!("no answer within {:?}", limits.idle))),
        }
    }

    /// What a response says that is no reply. Its body is of use even if it is cut.
    async fn complaint(&self, response: Response<Incoming>) -> Complaint {
        let (parts, mut body) = response.into_parts();
        let wait = retry_after(|name| parts.headers.get(name).and_then(|v| v.to_str().ok()));
        let mut said = Vec::new();
        while said.len() < COMPLAINT_BYTES_MAX {
            match within(self.endpoint.limits.idle, body.frame()).await {
                Some(Some(Ok(frame))) => said.extend(frame.into_data().unwrap_or_default()),
                _ => break,
            }
        }
        Complaint::of_response(parts.status.as_u16(), &String::from_utf8_lossy(&said), wait)
    }

    /// Reads events until the reply is done or the stream is over.
    async fn read<D: Decode>(
        &self,
        response: Response<Incoming>,
        decoder: &mut D,
        on_delta: OnDelta<'_>,
        asked: &Asked,
    ) -> Result<Option<Wrong>, Failure> {
        let limits = self.endpoint.limits;
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let is_whole = is_document(&response);
        if kind.is_some_and(|kind| kind.starts_with("text/html")) {
            let text = format!("a web page, no model's; check the provider's url ({})", asked.url);
            return Ok(Some(Wrong::Nonsense(text)));
        }
        let kind = kind.unwrap_or("of no named type").to_owned();
        let mut body = response.into_body();
        let mut parser = sse::Parser::new(limits.event_bytes_max);
        let (mut events, mut whole, mut bytes) = (Vec::new(), Vec::new(), 0);
        let mut begun = false;
        loop {
            let frame = match within(limits.idle, body.frame()).await {
                Some(Some(Ok(frame))) => frame,
                Some(None) => break,
                Some(Some(Err(error))) => {
                    let text = format!("the reply was cut after {bytes} bytes: {}", causes(&error));
                    return Err(asked.connection(&text));
                }
                None => {
                    let text = format!("nothing came for {:?} after {bytes} bytes", limits.idle);
                    return Err(asked.connection(&text));
                }
            };
            let data = frame.into_data().unwrap_or_default();
            bytes += data.len();
            if bytes > limits.reply_bytes_max {
                return Ok(Some(Wrong::TooLong(limits.reply_bytes_max)));
            }
            if is_whole {
                whole.extend_from_slice(&data);
                continue;
            }
            if let Err(sse::TooLong(most)) = parser.push(&data, &mut events) {
                return Ok(Some(Wrong::TooLong(most)));
            }
            for event in events.drain(..) {
                if let Err(wrong) = take(decoder, &event, &mut begun, on_delta) {
                    return Ok(Some(wrong));
                }
            }
            if decoder.is_done() {
                let _ended = within(LINGER, body.collect()).await;
                return Ok(None);
            }
        }
        if is_whole {
            let data = String::from_utf8_lossy(&whole).into_owned();
            let taken = decoder.take(&sse::Event { name: String::new(), data }, on_delta);
            decoder.whole();
            return Ok(taken.err());
        }
        if parser.is_foreign() {
            let text = format!("{bytes} bytes ({kind}) that are no stream of events");
            return Ok(Some(Wrong::Nonsense(text)));
        }
        Ok(parser.finish().and_then(|event| last(decoder, &event, on_delta)))
    }
}

/// What is wrong with what stands at a stream's end without the empty line that should follow.
/// Half an event makes no sense; that it is missing is then told by `finish`.
fn last<D: Decode>(decoder: &mut D, event: &sse::Event, on_delta: OnDelta<'_>) -> Option<Wrong> {
    match decoder.take(event, on_delta) {
        Err(Wrong::NoJson { is_half: true, .. }) => Some(Wrong::Cut),
        taken => taken.err(),
    }
}

/// What a request is made with that nobody is to see.
struct Secrets<'a> {
    key: Option<Secret>,
    headers: Vec<(&'a str, Expanded)>,
}

impl Secrets<'_> {
    fn all(&self) -> impl Iterator<Item = &Secret> {
        self.key.iter().chain(self.headers.iter().flat_map(|(_, header)| &header.secrets))
    }
}

/// Whether a server answers with one document: it does not stream.
fn is_document(response: &Response<Incoming>) -> bool {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("application/json"))
}

/// Hands an event on, and what it says of the usage. From the first word on a reply is paid for.
fn take<D: Decode>(
    decoder: &mut D,
    event: &sse::Event,
    begun: &mut bool,
    on_delta: OnDelta<'_>,
) -> Result<(), Wrong> {
    let taken = decoder.take(event, on_delta);
    let begins = taken.is_ok() && !std::mem::replace(begun, true);
    if begins || event.data.contains("\"usage") {
        on_delta(Delta::Usage { usage: decoder.usage().believed() });
    }
    taken
}

fn failed(wrong: Wrong, asked: &Asked) -> Failure {
    match wrong {
        Wrong::Failed(complaint) => complaint.into_failure(asked),
        Wrong::Nonsense(what) => asked.nonsense(&what),
        Wrong::NoJson { why, said, .. } => asked.no_json(&why, &said),
        // It would be as long again, and paid for again.
        Wrong::TooLong(most) => asked.failure(
            failure::PROVIDER,
            false,
            &format!("a reply of more than {most} bytes; lower `maxTokens`, or ask for less"),
        ),
        Wrong::Cut => asked.connection("the reply ended in the middle"),
    }
}

/// What the future gives, unless it takes longer.
#[expect(
    clippy::disallowed_methods,
    reason = "a request is made inside a step, outside the journal: it waits in real time"
)]
pub(crate) async fn within<F: Future>(span: Duration, future: F) -> Option<F::Output> {
    let future = pin!(future);
    match select(future, pin!(tokio::time::sleep(span))).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(_) => None,
    }
}

/// An event's data as JSON.
pub(crate) fn json(event: &sse::Event) -> Result<Json<'_>, Wrong> {
    Json::read(&event.data).map_err(|error| {
        let said = event.data.clone();
        // `[DONE]` is no JSON, and so is its beginning.
        let is_half = error.is_eof() || "[DONE]".starts_with(said.trim());
        Wrong::NoJson { why: error.to_string(), said, is_half }
    })
}
