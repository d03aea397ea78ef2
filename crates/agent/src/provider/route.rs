//! Which model answers for a name: roles (`cheap`, `strong`), names (`PROVIDER/MODEL`),
//! and the order in which they are asked. Choosing is a function of the configuration
//! and of which keys are there; whether to go on to the next is for whoever asks.

mod builtin;
mod config;
mod queue;
#[cfg(test)]
mod tests;
mod unused;

pub use config::{Env, ModelsConfig, OneOrMore, Protocol, ProviderConfig};
pub use queue::QueueConfig;

use super::price::{Price, Prices};
use super::{
    Anthropic, Chat, Embed, Embeddings, Endpoint, Gemini, Key, OpenAi, Provider, Secret, failure,
    secret,
};
use crate::models::{Choice, Models};
use crate::recording::Recording;
use greenroom_model::Failure;
use greenroom_model::queue::QueueSpec;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The models that a configuration and the environment give.
pub struct Catalog {
    config: ModelsConfig,
    providers: BTreeMap<String, Arc<dyn Provider>>,
    prices: Prices,
    embed: Option<Arc<dyn Embed>>,
}

impl Catalog {
    /// The models of a configuration, the built-in providers among them unless it
    /// says otherwise, with keys from this process's environment.
    ///
    /// # Errors
    /// `bad_request`: the configuration cannot be.
    pub fn new(config: ModelsConfig) -> Result<Catalog, Failure> {
        Catalog::with_env(config, &|name| std::env::var(name).ok())
    }

    /// The same; where the built-in providers are is read from `env`. Keys are read
    /// from this process's environment when they are needed.
    ///
    /// # Errors
    /// `bad_request`: the configuration cannot be.
    pub fn with_env(mut config: ModelsConfig, env: Env<'_>) -> Result<Catalog, Failure> {
        let wrong = |what: String| Failure::fatal(failure::BAD_REQUEST, what);
        config.check().map_err(wrong)?;
        for (name, provider) in builtin::providers(env) {
            config.providers.entry(name).or_insert(provider);
        }
        let prices = Prices { models: config.prices.clone(), ..Prices::default() };
        let prices = prices.checked().map_err(wrong)?.over(Prices::known());
        let providers = config.providers.iter();
        let providers = providers.map(|(name, config)| Ok((name.clone(), made(name, config)?)));
        let providers = providers.collect::<Result<_, String>>().map_err(wrong)?;
        let embed = embedder(&config).map_err(wrong)?;
        Ok(Catalog { config, providers, prices, embed })
    }

    /// What models cost here.
    pub fn prices(&self) -> &Prices {
        &self.prices
    }

    /// What a recording costs.
    fn recorded_price(&self, provider: &str) -> Option<Price> {
        let config = self.config.providers.get(provider)?;
        (config.protocol == Protocol::Recorded).then(Price::free)
    }

    /// The queue that calls of a provider stand in: none for a recording, and for one
    /// that cannot be asked.
    fn queue_of(&self, provider: &str) -> Option<String> {
        let config = self.config.providers.get(provider)?;
        let is_asked = config.protocol != Protocol::Recorded && config.key().is_set();
        let own = is_asked.then(|| queue::default_name(provider));
        config.queue.clone().or(own)
    }

    /// The names that a model can be asked for by: roles, then providers with a `/`.
    pub fn names(&self) -> Vec<String> {
        let providers = self.config.providers.keys().map(|name| format!("{name}/"));
        self.config.models.keys().cloned().chain(providers).collect()
    }
}

impl Models for Catalog {
    fn choose(&self, name: &str) -> Result<Vec<Choice>, Failure> {
        let has_key = |provider: &str| {
            self.config.providers.get(provider).is_some_and(|provider| provider.key().is_set())
        };
        let chosen = choose(&self.config, name, &has_key)?;
        let choices = chosen.into_iter().map(|(provider, model)| {
            let (name, queue) = (format!("{provider}/{model}"), self.queue_of(&provider));
            let price = self.prices.of(&name).cloned().or_else(|| self.recorded_price(&provider));
            Choice { name, model, queue, price }
        });
        Ok(choices.collect())
    }

    fn provider(&self, choice: &Choice) -> Result<Arc<dyn Provider>, Failure> {
        let name = choice.name.split('/').next().unwrap_or_default();
        self.providers.get(name).cloned().ok_or_else(|| {
            let text = format!(
                "the provider `{name}`, which was chosen before, is not in the configuration any more"
            );
            Failure::fatal(failure::NO_MODEL, text)
        })
    }

    fn secrets(&self) -> Vec<Secret> {
        let providers = || self.config.providers.values();
        let keys = providers().filter_map(|provider| provider.key_env.as_deref());
        let headers = providers().flat_map(|provider| provider.headers.values());
        let headers = headers.flat_map(|value| value.split("${").skip(1));
        let headers = headers.filter_map(|rest| rest.split_once('}')).map(|(name, _)| name);
        keys.chain(headers).filter_map(|name| secret(name).ok().flatten()).collect()
    }

    fn embedder(&self) -> Option<Arc<dyn Embed>> {
        self.embed.clone()
    }

    fn names_role(&self, role: &str) -> bool {
        self.config.models.contains_key(role)
    }

    fn queues(&self) -> Vec<QueueSpec> {
        // All of them can be: the configuration was checked.
        let declared = self.config.queues.iter().filter_map(|(name, queue)| queue.spec(name).ok());
        let own = self.config.providers.keys().filter(|provider| {
            let own = queue::default_name(provider);
            !self.config.queues.contains_key(&own) && self.queue_of(provider) == Some(own)
        });
        declared.chain(own.map(|provider| queue::default_spec(provider))).collect()
    }
}

/// The model that makes numbers of texts.
fn embedder(config: &ModelsConfig) -> Result<Option<Arc<dyn Embed>>, String> {
    let Some(name) = config.models.get("embed").and_then(|listed| listed.iter().next()) else {
        return Ok(None);
    };
    let found = name.split_once('/');
    let found = found.and_then(|(one, model)| Some((one, config.providers.get(one)?, model)));
    let Some((name, provider, model)) = found else {
        return Err(format!(
            "`embed = \"{name}\"` in `[models]` is no PROVIDER/MODEL that is there"
        ));
    };
    if !matches!(provider.protocol, Protocol::Chat | Protocol::OpenAi) {
        return Err(format!(
            "`embed` in `[models]`: the provider `{name}` does not speak OpenAI's `/embeddings`; \
             name one of protocol \"chat\" or \"openai\""
        ));
    }
    Ok(Some(Arc::new(Embeddings::new(endpoint(name, provider), model))))
}

fn endpoint(name: &str, config: &ProviderConfig) -> Endpoint {
    let mut endpoint = Endpoint::new(name, config.url.clone(), config.key());
    endpoint.headers = config.headers.clone().into_iter().collect();
    if let Some(idle_seconds) = config.idle_seconds {
        endpoint.limits.idle = Duration::from_secs(idle_seconds);
    }
    endpoint
}

fn made(name: &str, config: &ProviderConfig) -> Result<Arc<dyn Provider>, String> {
    let endpoint = endpoint(name, config);
    Ok(match config.protocol {
        Protocol::Anthropic => Arc::new(Anthropic::new(endpoint)),
        Protocol::OpenAi => Arc::new(OpenAi::new(endpoint)),
        Protocol::Chat => Arc::new(Chat::new(endpoint)),
        Protocol::Gemini => Arc::new(Gemini::new(endpoint)),
        Protocol::Genai => long_tail(name, config.adapter.as_deref(), endpoint)?,
        Protocol::Recorded => Arc::new(Recording::new(config.url.as_ref())),
    })
}

#[cfg(feature = "genai")]
fn long_tail(
    name: &str,
    adapter: Option<&str>,
    endpoint: Endpoint,
) -> Result<Arc<dyn Provider>, String> {
    let made = super::Genai::new(adapter.unwrap_or_default(), endpoint);
    Ok(Arc::new(made.map_err(|why| format!("the provider `{name}`: {why}"))?))
}

#[cfg(not(feature = "genai"))]
fn long_tail(name: &str, _: Option<&str>, _: Endpoint) -> Result<Arc<dyn Provider>, String> {
    Err(format!(
        "the provider `{name}` is genai's, and this program has none: build it with the feature \
         `genai` (`--features genai`), or use `protocol = \"chat\"` if its \
         server speaks that"
    ))
}

impl ProviderConfig {
    /// Where its key comes from.
    pub fn key(&self) -> Key {
        self.key_env.clone().map_or(Key::None, Key::Named)
    }
}

/// The providers and models that answer for a name, in order: those whose keys are
/// there.
fn choose(
    config: &ModelsConfig,
    name: &str,
    has_key: &dyn Fn(&str) -> bool,
) -> Result<Vec<(String, String)>, Failure> {
    let mut all = Vec::new();
    collect(config, name, has_key, &mut Vec::new(), &mut all)?;
    let (ready, keyless): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|(provider, _)| has_key(provider));
    if !ready.is_empty() {
        return Ok(ready);
    }
    let mut variables: Vec<&str> = keyless
        .iter()
        .filter_map(|(provider, _)| config.providers.get(provider)?.key_env.as_deref())
        .collect();
    variables.dedup();
    let text = format!(
        "there is no key for the model `{name}`: set {} where the node is started, \
         or keep it with `greenroom secret set NAME`, or give another model for it in `[models]`",
        variables.join(" or ")
    );
    Err(Failure::fatal(failure::AUTH, text))
}

/// Puts what a name stands for into `all`; `within` are the roles it is looked up for.
fn collect(
    config: &ModelsConfig,
    name: &str,
    has_key: &dyn Fn(&str) -> bool,
    within: &mut Vec<String>,
    all: &mut Vec<(String, String)>,
) -> Result<(), Failure> {
    // What sub-agent files say for "as whoever started me".
    let name = if name == "inherit" { "default" } else { name };
    if within.iter().any(|role| role == name) {
        let text = format!(
            "the role `{name}` is said to be itself ({} -> {name}): give it a PROVIDER/MODEL in `[models]`",
            within.join(" -> ")
        );
        return Err(Failure::fatal(failure::BAD_REQUEST, text));
    }
    if let Some(listed) = config.models.get(name) {
        within.push(name.to_owned());
        for one in listed.iter() {
            collect(config, one, has_key, within, all)?;
        }
        within.pop();
        return Ok(());
    }
    if let Some((provider, model)) = name.split_once('/') {
        if config.providers.contains_key(provider) && !model.is_empty() {
            return add(all, provider, model);
        }
        let known: Vec<&str> = config.providers.keys().map(String::as_str).collect();
        let text = format!(
            "there is no provider `{provider}` for the model `{name}`: there are {}; \
             or add it to `[providers]`",
            known.join(", ")
        );
        return Err(Failure::fatal(failure::NO_MODEL, text));
    }
    if let Some(models) = builtin::role(name) {
        // One only: what is said to one company is not told another unasked.
        let first = models.iter().find(|(provider, _)| has_key(provider));
        match first {
            Some((provider, model)) => return add(all, provider, model),
            None => all.extend(models.iter().map(|(p, m)| ((*p).to_owned(), (*m).to_owned()))),
        }
        return Ok(());
    }
    if let Some(provider) = builtin::provider_of(name) {
        return add(all, provider, name);
    }
    let own = config.models.keys().map(String::as_str);
    let others = builtin::ROLES.into_iter().filter(|role| !config.models.contains_key(*role));
    let roles: Vec<&str> = own.chain(others).collect();
    let text = format!(
        "there is no model `{name}`: write PROVIDER/MODEL, or one of the roles {}, \
         or add it to `[models]`",
        roles.join(", ")
    );
    Err(Failure::fatal(failure::NO_MODEL, text))
}

fn add(all: &mut Vec<(String, String)>, provider: &str, model: &str) -> Result<(), Failure> {
    let pair = (provider.to_owned(), model.to_owned());
    if !all.contains(&pair) {
        all.push(pair);
    }
    Ok(())
}
