//! What a configuration says of models: plain data. Knows no provider's code.

use super::queue::QueueConfig;
use crate::provider::price::Price;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a configuration says of models. In TOML:
///
/// ```toml
/// [providers.acme]
/// protocol = "chat"
/// url = "http://10.0.0.7:8000/v1"
/// key_env = "ACME_KEY"
/// headers = { x-team = "${TEAM}" }
///
/// [models]
/// default = ["anthropic/claude-sonnet-5-5", "acme/qwen3"]
/// cheap = "acme/qwen3"
///
/// [prices."acme/qwen3"]
/// input = 0.1
/// output = 0.3
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelsConfig {
    /// Providers by name; one of a built-in name takes its place.
    pub providers: BTreeMap<String, ProviderConfig>,
    /// What a role is: the models to be asked, the next if the one before cannot
    /// answer. An entry may name another role.
    pub models: BTreeMap<String, OneOrMore>,
    /// Prices, over those that come along.
    pub prices: BTreeMap<String, Price>,
    /// Queues that providers' calls, and tools, may stand in.
    pub queues: BTreeMap<String, QueueConfig>,
}

/// A provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderConfig {
    /// What it speaks.
    pub protocol: Protocol,
    /// Its address, up to what the protocol adds. Only with `genai` may it be left out.
    #[serde(default)]
    pub url: String,
    /// Which provider of genai's it is: `groq`, `mistral`, `deepseek`, …
    #[serde(default)]
    pub adapter: Option<String>,
    /// The name of its key: an environment variable, or else a secret of the
    /// [`SecretStore`](crate::provider::SecretStore); `None`: it needs none.
    #[serde(default)]
    pub key_env: Option<String>,
    /// Further headers; `${NAME}` in a value is the secret of that name.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The queue its calls stand in; `None`: one of its own, which finds out how many
    /// calls at once it bears.
    #[serde(default)]
    pub queue: Option<String>,
    /// For how long it may say nothing, in seconds; `None`: 300. A server that loads a
    /// large model first needs more.
    #[serde(default)]
    pub idle_seconds: Option<u64>,
}

/// What an environment variable is.
pub type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What a provider speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// Anthropic's Messages.
    Anthropic,
    /// OpenAI's Responses.
    OpenAi,
    /// OpenAI's Chat Completions.
    Chat,
    /// Gemini's `generateContent`.
    Gemini,
    /// Whatever the crate `genai` speaks, which `adapter` names: in a program that was
    /// built with the feature `genai`.
    Genai,
    /// None: a recording in a file, which its `url` names.
    Recorded,
}

/// One name or a list of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OneOrMore {
    /// One.
    One(String),
    /// A list.
    More(Vec<String>),
}

impl OneOrMore {
    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let all = match self {
            OneOrMore::One(one) => std::slice::from_ref(one),
            OneOrMore::More(more) => more,
        };
        all.iter().map(String::as_str)
    }
}

/// Whether an address says who asks.
fn has_user(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().is_some_and(|host| host.contains('@'))
}

impl ModelsConfig {
    /// A configuration from TOML.
    ///
    /// # Errors
    /// It is none; with the line.
    pub fn from_toml(text: &str) -> Result<ModelsConfig, String> {
        let config: ModelsConfig = toml::from_str(text)
            .map_err(|error| format!("the models' configuration is none: {error}"))?;
        config.check()?;
        Ok(config)
    }

    /// A configuration from JSON.
    ///
    /// # Errors
    /// It is none; with the line.
    pub fn from_json(text: &str) -> Result<ModelsConfig, String> {
        let config: ModelsConfig = serde_json::from_str(text)
            .map_err(|error| format!("the models' configuration is none: {error}"))?;
        config.check()?;
        Ok(config)
    }

    /// What no form of it may say.
    pub(super) fn check(&self) -> Result<(), String> {
        for (name, provider) in &self.providers {
            if name.is_empty() || name.contains('/') {
                return Err(format!(
                    "a provider cannot be named `{name}`: models are PROVIDER/MODEL"
                ));
            }
            if provider.protocol == Protocol::Recorded {
                continue;
            }
            if (provider.protocol == Protocol::Genai) != provider.adapter.is_some() {
                return Err(format!(
                    "the provider `{name}`: `protocol = \"genai\"` needs an `adapter`, such as \"groq\", and \
                     no other protocol has one"
                ));
            }
            if provider.protocol == Protocol::Genai && provider.url.is_empty() {
                continue;
            }
            if !provider.url.starts_with("http://") && !provider.url.starts_with("https://") {
                let url = if provider.url.contains('@') { "…@…" } else { &provider.url };
                return Err(format!(
                    "the url `{url}` of the provider `{name}` must begin with http:// or https://"
                ));
            }
            if has_user(&provider.url) {
                return Err(format!(
                    "the url of the provider `{name}` has a user or password in it (before the \
                     `@`), which would be seen in journals and logs: take it out, and send it as a \
                     header with `${{NAME}}`, such as \
                     `headers = {{ authorization = \"Basic ${{NAME}}\" }}`"
                ));
            }
            // Somebody will put the key itself here.
            let is_name = |key: &String| key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            if provider.key_env.as_ref().is_some_and(|key| !is_name(key) || key.is_empty()) {
                return Err(format!(
                    "`key_env` of the provider `{name}` must be the name of an environment variable or secret, not the key"
                ));
            }
        }
        for (name, queue) in &self.queues {
            queue.spec(name)?;
        }
        for (role, listed) in &self.models {
            if role.contains('/') || listed.iter().next().is_none() {
                return Err(format!(
                    "the role `{role}` must be a word without `/` and name a model"
                ));
            }
        }
        Ok(())
    }
}
