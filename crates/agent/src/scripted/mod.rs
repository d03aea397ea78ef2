//! A model's server that answers by a script: for exact tests, for benches, and for
//! a first run without a key. It is no model and says so: its name is
//! [`MODEL`].
//!
//! It speaks Chat Completions (`/v1/chat/completions`) and Anthropic's Messages
//! (`/v1/messages`), streaming or not, on loopback, on a thread of its own. A script
//! is a list of turns; the first that fits and is not used up is served:
//!
//! ```
//! use greenroom_agent::scripted::{Script, ScriptedServer};
//!
//! let script = Script::parse(r#"{"turns": [
//!     {"when": {"text": "weather"}, "tool_calls": [{"name": "weather", "arguments": {"city": "Oslo"}}]},
//!     {"when": {"tool_result": "rain"}, "status": 429, "retry_after": 0.01, "times": 2},
//!     {"when": {"tool_result": "rain"}, "say": "Take an umbrella.", "token_delay_ms": 1}
//! ]}"#)?;
//! let server = ScriptedServer::start(script)?;
//! assert!(server.url().starts_with("http://127.0.0.1:"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod anthropic;
mod chat;
mod journal;
mod piece;
mod prompt;
mod script;
mod server;
#[cfg(test)]
mod tests;

pub use journal::{Outcome, Recorded};
pub use script::{Fault, MODEL, Rate, Script, ScriptError, ScriptedCall, Turn, When};
pub use server::ScriptedServer;
