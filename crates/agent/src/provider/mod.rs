//! Models and who serves them: one request, one reply, whatever the protocol.
//!
//! A provider makes exactly one attempt and says precisely what went wrong; to try
//! again, to wait, and to go to another one is for whoever asks (the step's retry
//! policy, the fallback chain). Knows no process and no journal.

mod anthropic;
mod body;
mod chat;
pub(crate) mod connect;
mod embed;
mod fault;
mod gemini;
#[cfg(feature = "genai")]
mod genai;
mod http;
mod json;
mod key;
mod openai;
mod price;
mod redact;
mod reply;
mod request;
mod route;
mod secret;
mod secret_store;
pub mod sse;

pub use anthropic::Anthropic;
pub use chat::Chat;
pub use embed::{Embed, Embeddings};
pub use gemini::Gemini;
#[cfg(feature = "genai")]
pub use genai::{Genai, install_tls};
pub use http::{Endpoint, Limits};
pub use key::Key;
pub(crate) use key::secret;
pub use openai::OpenAi;
pub use price::{Above, Price, Prices};
pub(crate) use redact::Redact;
pub use reply::{Delta, Reply, Stop, Usage};
pub use request::{Request, ToolChoice, ToolSpec};
pub use route::{Catalog, Env, ModelsConfig, OneOrMore, Protocol, ProviderConfig, QueueConfig};
pub use secret::Secret;
pub use secret_store::SecretStore;

use futures_util::future::BoxFuture;
use greenroom_model::Failure;

/// Where the parts of a reply go as they come.
pub type OnDelta<'a> = &'a mut (dyn FnMut(Delta) + Send);

/// Serves models by one protocol at one address.
pub trait Provider: Send + Sync {
    /// The protocol's name, which marks what only it can read: `anthropic`,
    /// `openai`, `chat`, `gemini`.
    fn protocol(&self) -> &'static str;

    /// Makes one attempt. `key` is the same for every attempt of one call: an
    /// idempotency key for providers that take one. Dropping the future ends the
    /// request.
    ///
    /// # Errors
    /// A failure whose kind, `retryable` and `retry_after` say what to do next; see
    /// [`failure`].
    fn send<'a>(
        &'a self,
        request: &'a Request,
        key: &'a str,
        on_delta: OnDelta<'a>,
    ) -> BoxFuture<'a, Result<Reply, Failure>>;
}

/// The kinds of failure a provider makes.
pub mod failure {
    /// 429: too many requests or tokens for now. Retryable, later.
    pub const RATE_LIMITED: &str = "rate_limited";
    /// 503, 529 and other signs of a server with too much to do. Retryable.
    pub const OVERLOADED: &str = "overloaded";
    /// Other 5xx, and replies that make no sense. Retryable.
    pub const PROVIDER: &str = "provider_error";
    /// The server could not be reached, or the stream was cut. Retryable.
    pub const CONNECTION: &str = "connection";
    /// 401, 403, or no key is set. Not retryable.
    pub const AUTH: &str = "auth";
    /// Paid credit is used up. Not retryable.
    pub const QUOTA: &str = "quota";
    /// The model does not exist there. Not retryable.
    pub const NO_MODEL: &str = "no_model";
    /// Money is limited, and nobody knows what the model costs. Not retryable.
    pub const NO_PRICE: &str = "no_price";
    /// More than the model can take in. Not retryable; compaction helps.
    pub const CONTEXT_TOO_LONG: &str = "context_too_long";
    /// Any other 4xx. Not retryable.
    pub const BAD_REQUEST: &str = "bad_request";
}
