//! Who answers for a model's name. What an agent needs of providers, and no more.

use crate::provider::{Embed, Price, Provider, Secret};
use greenroom_model::Failure;
use greenroom_model::queue::QueueSpec;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Who answers for a model's name.
///
/// What is chosen is journaled by whoever asks, so that a configuration that changes
/// later changes nothing that was done: a replay goes by the choices of then.
pub trait Models: Send + Sync {
    /// Who may answer, in the order to be asked: the next only if the one before
    /// could not.
    ///
    /// # Errors
    /// A name that says nothing here; no key for it.
    fn choose(&self, name: &str) -> Result<Vec<Choice>, Failure>;

    /// Who serves what was chosen, maybe by another life of this program with another
    /// configuration.
    ///
    /// # Errors
    /// It is not there any more.
    fn provider(&self, choice: &Choice) -> Result<Arc<dyn Provider>, Failure>;

    /// Whether the configuration itself says what this role is: without that nothing
    /// that is said to one company is told another.
    fn names_role(&self, _role: &str) -> bool {
        false
    }

    /// The keys that requests are made with now, for them to be kept out of all else.
    fn secrets(&self) -> Vec<Secret> {
        Vec::new()
    }

    /// What makes numbers of texts, if the configuration names it (`embed`).
    fn embedder(&self) -> Option<Arc<dyn Embed>> {
        None
    }

    /// The queues that choices name and nobody else declares. An agent's kind brings
    /// them along, unless the registry has them already.
    fn queues(&self) -> Vec<QueueSpec> {
        Vec::new()
    }
}

/// One who may answer. Plain data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// `PROVIDER/MODEL`.
    pub name: String,
    /// The model, as the provider knows it.
    pub model: String,
    /// The queue its calls stand in, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// What it costs, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
}

/// One model, whatever name is asked for.
#[derive(Clone)]
pub struct One {
    choice: Choice,
    provider: Arc<dyn Provider>,
    queue: Option<QueueSpec>,
}

impl One {
    /// This model of this provider; `name` is what people see: `PROVIDER/MODEL`.
    pub fn new(name: &str, model: &str, provider: Arc<dyn Provider>) -> One {
        let (name, model) = (name.to_owned(), model.to_owned());
        One { choice: Choice { name, model, queue: None, price: None }, provider, queue: None }
    }

    /// Its calls stand in this queue, which comes along with the agent.
    pub fn queue(mut self, spec: QueueSpec) -> One {
        self.choice.queue = Some(spec.name.clone());
        self.queue = Some(spec);
        self
    }

    /// What it costs.
    pub fn price(mut self, price: Price) -> One {
        self.choice.price = Some(price);
        self
    }
}

impl Models for One {
    fn choose(&self, _: &str) -> Result<Vec<Choice>, Failure> {
        Ok(vec![self.choice.clone()])
    }

    fn provider(&self, _: &Choice) -> Result<Arc<dyn Provider>, Failure> {
        Ok(self.provider.clone())
    }

    fn queues(&self) -> Vec<QueueSpec> {
        self.queue.iter().cloned().collect()
    }
}
