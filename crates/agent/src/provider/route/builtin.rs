//! What is there without a configuration: providers by their usual names, keys and
//! addresses, and which of their models a role is. Knows no connection.

use super::config::{Env, Protocol, ProviderConfig};
use std::collections::BTreeMap;

/// The roles that are there without a configuration.
pub(super) const ROLES: [&str; 6] = ["default", "cheap", "strong", "haiku", "sonnet", "opus"];

/// The models of a role, the first whose key is there. Of 2026-11; a configuration
/// may say otherwise.
pub(super) fn role(name: &str) -> Option<&'static [(&'static str, &'static str)]> {
    match name {
        "default" => Some(&[
            ("anthropic", "claude-sonnet-5-5"),
            ("openai", "gpt-6.1-sol"),
            ("gemini", "gemini-4-argon"),
        ]),
        "strong" => Some(&[
            ("anthropic", "claude-opus-5-5"),
            ("openai", "gpt-6-astra"),
            ("gemini", "gemini-4-argon"),
        ]),
        "cheap" => Some(&[
            ("anthropic", "claude-haiku-5-5"),
            ("openai", "gpt-6-luna"),
            ("gemini", "gemini-3.5-flash-lite"),
        ]),
        // The words of sub-agent files in wide use.
        "haiku" => Some(&[("anthropic", "claude-haiku-5-5")]),
        "sonnet" => Some(&[("anthropic", "claude-sonnet-5-5")]),
        "opus" => Some(&[("anthropic", "claude-opus-5-5")]),
        _ => None,
    }
}

/// Whether there is a provider of this name without a configuration.
pub(super) fn has_provider(name: &str) -> bool {
    providers(&|_| None).contains_key(name)
}

/// Whose model it is, by the beginning of its name.
pub(super) fn provider_of(model: &str) -> Option<&'static str> {
    let is_o = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit());
    match model {
        _ if model.starts_with("claude-") => Some("anthropic"),
        _ if model.starts_with("gpt-") || model.strip_prefix('o').is_some_and(is_o) => {
            Some("openai")
        }
        _ if model.starts_with("gemini-") => Some("gemini"),
        _ => None,
    }
}

/// The providers, where `env` says that they are.
pub(super) fn providers(env: Env<'_>) -> BTreeMap<String, ProviderConfig> {
    let set = |name: &str| env(name).filter(|value| !value.trim().is_empty());
    let at = |name: &str, usual: &str| set(name).unwrap_or_else(|| usual.to_owned());
    let google = set("GEMINI_API_KEY").is_none() && set("GOOGLE_API_KEY").is_some();
    let gemini_key = if google { "GOOGLE_API_KEY" } else { "GEMINI_API_KEY" };
    let all = [
        (
            "anthropic",
            Protocol::Anthropic,
            at("ANTHROPIC_BASE_URL", "https://api.anthropic.com"),
            Some("ANTHROPIC_API_KEY"),
        ),
        (
            "openai",
            Protocol::OpenAi,
            at("OPENAI_BASE_URL", "https://api.openai.com/v1"),
            Some("OPENAI_API_KEY"),
        ),
        (
            "gemini",
            Protocol::Gemini,
            "https://generativelanguage.googleapis.com/v1beta".to_owned(),
            Some(gemini_key),
        ),
        (
            "openrouter",
            Protocol::Chat,
            "https://openrouter.ai/api/v1".to_owned(),
            Some("OPENROUTER_API_KEY"),
        ),
        ("ollama", Protocol::Chat, ollama(set("OLLAMA_HOST")), None),
    ];
    let configs = all.into_iter().map(|(name, protocol, url, key_env)| {
        let key_env = key_env.map(str::to_owned);
        let (headers, adapter, queue, idle_seconds) = (BTreeMap::new(), None, None, None);
        (
            name.to_owned(),
            ProviderConfig { protocol, url, adapter, key_env, headers, queue, idle_seconds },
        )
    });
    configs.collect()
}

/// `OLLAMA_HOST` is an address to listen at: `0.0.0.0`, `127.0.0.1:11500`, or a URL.
fn ollama(host: Option<String>) -> String {
    let host = host.unwrap_or_else(|| "127.0.0.1:11434".to_owned());
    let host = host.trim().trim_end_matches('/').replace("0.0.0.0", "127.0.0.1");
    let host = if host.contains("://") { host } else { format!("http://{host}") };
    let has_port = host.rsplit(':').next().is_some_and(|port| port.parse::<u16>().is_ok());
    if has_port || host.starts_with("https://") {
        format!("{host}/v1")
    } else {
        format!("{host}:11434/v1")
    }
}
