//! The long tail: what the crate `genai` speaks (Groq, Mistral, DeepSeek, Cohere, …), for
//! servers that have no client of our own. What is journaled is genai's own form of a reply:
//! thinking and its signatures as far as it keeps them, not what the provider sent byte for
//! byte. Where a server speaks Chat Completions too, `protocol = "chat"` loses less.

mod encode;
#[cfg(test)]
mod tests;

use self::encode::{PROTOCOL, options, request as encoded};
use super::body::{arguments, counted};
use super::connect::trust;
use super::fault::{Asked, Complaint, causes, retry_after};
use super::http::{Endpoint, within};
use super::redact::Redact;
use super::reply::{Delta, Reply, Stop, Usage};
use super::request::Request;
use super::secret::Secret;
use super::{OnDelta, Provider, failure};
use crate::conversation::{Message, Origin, Part, Raw, Role, ToolCall, Verbatim};
use ::genai::adapter::AdapterKind;
use ::genai::chat::{ChatMessage, ChatStreamEvent, StopReason, StreamEnd};
use ::genai::resolver::{AuthData, Endpoint as Address};
use ::genai::{Client, Error, ModelIden, ServiceTarget, webc};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt};
use greenroom_model::Failure;
use serde_json::{Value, json};

/// A provider that genai knows.
pub struct Genai {
    endpoint: Endpoint,
    adapter: AdapterKind,
    client: Client,
}

/// The names of what genai speaks.
pub(super) fn adapters() -> impl Iterator<Item = &'static str> {
    AdapterKind::all().iter().map(AdapterKind::as_lower_str)
}

/// Makes ring the TLS provider of this process, unless it has one. To be called before
/// any client of reqwest's is made: cargo unites features, and with this one each of them
/// panics without a provider.
pub fn install_tls() {
    let _there = rustls::crypto::ring::default_provider().install_default();
}

impl Genai {
    /// The provider that genai calls so (`groq`, `mistral`, …); at the endpoint's address, or
    /// at genai's own for it where that is empty.
    ///
    /// # Errors
    /// genai has no such provider, or there is no TLS.
    pub fn new(adapter: &str, endpoint: Endpoint) -> Result<Genai, String> {
        let adapter = AdapterKind::from_lower_str(adapter).ok_or_else(|| {
            let known: Vec<_> = adapters().collect();
            format!("genai has no adapter `{adapter}`: it has {}", known.join(", "))
        })?;
        install_tls();
        let http = reqwest::Client::builder().use_preconfigured_tls(trust()?);
        let http = http.connect_timeout(endpoint.limits.connect).build();
        let http = http.map_err(|error| format!("no HTTP client: {}", causes(&error)))?;
        let client = Client::builder().with_reqwest(http).build();
        let client = client.map_err(|error| format!("no client: {error}"))?;
        Ok(Genai { endpoint, adapter, client })
    }

    async fn target(&self, model: &str, key: Option<&Secret>) -> Result<ServiceTarget, Error> {
        let auth = key.map_or(AuthData::None, |key| AuthData::from_single(key.reveal()));
        let model = ModelIden::new(self.adapter, model);
        if self.endpoint.url.is_empty() {
            let known = self.client.resolve_service_target(model).await?;
            return Ok(ServiceTarget { auth, ..known });
        }
        // Its adapters put their path behind the last `/`.
        let endpoint = Address::from_owned(format!("{}/", self.endpoint.url));
        Ok(ServiceTarget { endpoint, auth, model })
    }

    async fn ask(
        &self,
        request: &Request,
        key: &str,
        secret: Option<&Secret>,
        on_delta: OnDelta<'_>,
        asked: &Asked,
    ) -> Result<Reply, Failure> {
        let wrong = |error: Error| failed(&error, asked);
        let target = self.target(&request.model, secret).await.map_err(wrong)?;
        let model = target.model.model_name.to_string();
        let (options, reader) = (options(request, key), self.endpoint.origin());
        let asking =
            self.client.exec_chat_stream(target, encoded(request, &reader), Some(&options));
        let mut stream = asking.await.map_err(wrong)?.stream;
        let idle = self.endpoint.limits.idle;
        let mut on_delta = |delta| on_delta(asked.redact.delta(delta));
        loop {
            let event = match within(idle, stream.next()).await {
                Some(Some(event)) => event.map_err(wrong)?,
                Some(None) => return Err(asked.connection("the reply ended in the middle")),
                None => return Err(asked.connection(&format!("nothing came for {idle:?}"))),
            };
            match event {
                ChatStreamEvent::Chunk(chunk) => on_delta(Delta::Text { text: chunk.content }),
                ChatStreamEvent::ReasoningChunk(chunk) => {
                    on_delta(Delta::Thinking { text: chunk.content });
                }
                ChatStreamEvent::End(end) => {
                    return Ok(asked.redact.reply(reply(end, request, model, reader)));
                }
                ChatStreamEvent::Start
                | ChatStreamEvent::Heartbeat
                | ChatStreamEvent::ToolCallChunk(_)
                | ChatStreamEvent::ThoughtSignatureChunk(_) => {}
            }
        }
    }
}

impl Provider for Genai {
    fn protocol(&self) -> &'static str {
        PROTOCOL
    }

    fn send<'a>(
        &'a self,
        request: &'a Request,
        key: &'a str,
        on_delta: OnDelta<'a>,
    ) -> BoxFuture<'a, Result<Reply, Failure>> {
        async move {
            let Endpoint { name, url, .. } = &self.endpoint;
            let secret = self.endpoint.key.read(name)?;
            let (model, redact) = (request.model.clone(), Redact::only(secret.clone()));
            let asked = Asked { provider: name.clone(), model, url: url.clone(), redact };
            self.ask(request, key, secret.as_ref(), on_delta, &asked).await
        }
        .boxed()
    }
}

fn reply(end: StreamEnd, request: &Request, model: String, by: Origin) -> Reply {
    let content = end.captured_content.unwrap_or_default();
    let texts = content.texts().into_iter().map(|text| Part::Text { text: text.to_owned() });
    let calls = content.tool_calls().into_iter().map(|call| {
        Part::ToolCall(ToolCall {
            id: call.call_id.clone(),
            name: call.fn_name.clone(),
            arguments: match &call.fn_arguments {
                Value::Null => json!({}),
                Value::String(text) => arguments(text),
                other => other.clone(),
            },
        })
    });
    let parts: Vec<Part> = texts.chain(calls).collect();
    let calls = parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
    let blocks = Verbatim::of(&ChatMessage::assistant(content));
    let usage = end.captured_usage.map(|usage| usage_of(&usage)).unwrap_or_default();
    let usage = counted(usage, request.chars(), blocks.text().len());
    let raw = Some(Raw { protocol: PROTOCOL.to_owned(), by: Some(by), blocks });
    let message = Message { role: Role::Assistant, content: parts, raw };
    Reply { message, stop: stop(end.captured_stop_reason, calls), usage, model }
}

fn stop(reason: Option<StopReason>, calls: bool) -> Stop {
    match reason {
        Some(StopReason::MaxTokens(_)) => Stop::Length,
        Some(StopReason::ContentFilter(_)) => Stop::Refused,
        Some(StopReason::Other(word)) if !calls => Stop::Other(word),
        _ if calls => Stop::ToolCalls,
        _ => Stop::End,
    }
}

/// genai counts what came from the cache among what was read.
fn usage_of(usage: &::genai::chat::Usage) -> Usage {
    // Less than none is not believed.
    let count = |count: Option<i32>| count.map_or(0, |n| u64::try_from(n).unwrap_or(u64::MAX));
    let details = usage.prompt_tokens_details.as_ref();
    let cache_read = count(details.and_then(|details| details.cached_tokens));
    let cache_write = count(details.and_then(|details| details.cache_creation_tokens));
    Usage {
        input: count(usage.prompt_tokens).saturating_sub(cache_read.saturating_add(cache_write)),
        output: count(usage.completion_tokens),
        cache_read,
        cache_write,
        guessed: false,
    }
}

/// Its errors print requests and whole bodies: only what a server said is told.
fn failed(error: &Error, asked: &Asked) -> Failure {
    if let Some(status) = error.status() {
        let header = |name: &str| error.headers()?.get(name)?.to_str().ok();
        let body = match error {
            Error::HttpError { body, .. } => body.as_str(),
            Error::WebModelCall { webc_error: said, .. }
            | Error::WebAdapterCall { webc_error: said, .. } => match said {
                webc::Error::ResponseFailedStatus { body, .. } => body.as_str(),
                _ => "",
            },
            _ => "",
        };
        return Complaint::of_response(status.as_u16(), body, retry_after(header))
            .into_failure(asked);
    }
    match error {
        Error::ChatResponse { body, .. } => Complaint::of_event(body).into_failure(asked),
        Error::WebStream { error, .. } => match error.downcast_ref::<Error>() {
            Some(error) => failed(error, asked),
            None => asked.connection(&causes(&**error)),
        },
        Error::WebModelCall { webc_error: webc::Error::Reqwest(error), .. } => {
            asked.connection(&causes(error))
        }
        Error::RequiresApiKey { .. } | Error::NoAuthData { .. } | Error::NoAuthResolver { .. } => {
            asked.failure(failure::AUTH, false, "it wants a key: set `key_env` of the provider")
        }
        Error::AdapterNotSupported { feature, .. } => {
            asked.failure(failure::BAD_REQUEST, false, &format!("genai cannot do {feature} there"))
        }
        Error::ChatResponseGeneration { cause, .. } => asked.nonsense(cause),
        other => asked.nonsense(&asked.begin(&other.to_string(), 300)),
    }
}
