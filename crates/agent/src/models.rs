//! Who answers for a model's name. What an agent needs of providers, and no more.

use crate::provider::{Embed, Provider, Usage};
use greenroom_model::Failure;
use greenroom_model::queue::QueueSpec;
use std::sync::Arc;

/// Who answers for a model's name.
pub trait Models: Send + Sync {
    /// Who may answer, in the order to be asked: the next only if the one before
    /// could not.
    ///
    /// # Errors
    /// A name that says nothing here; no key for it.
    fn candidates(&self, name: &str) -> Result<Vec<Candidate>, Failure>;

    /// Whether the configuration itself says what this role is: without that nothing
    /// that is said to one company is told another.
    fn names_role(&self, _role: &str) -> bool {
        false
    }

    /// What makes numbers of texts, and its name, if the configuration names it (`embed`).
    fn embedder(&self) -> Option<(String, Arc<dyn Embed>)> {
        None
    }

    /// What a call has cost, in millionths; `None`: the price is not known.
    fn cost_micro(&self, candidate: &str, usage: &Usage) -> Option<u64>;

    /// The queues that candidates name and nobody else declares. An agent's kind brings
    /// them along, unless the registry has them already.
    fn queues(&self) -> Vec<QueueSpec> {
        Vec::new()
    }
}

/// One who may answer.
#[derive(Clone)]
pub struct Candidate {
    /// `PROVIDER/MODEL`.
    pub name: String,
    /// The model, as the provider knows it.
    pub model: String,
    /// The provider.
    pub provider: Arc<dyn Provider>,
    /// The queue its calls stand in, if any.
    pub queue: Option<String>,
}

/// One model, whatever name is asked for.
#[derive(Clone)]
pub struct One(Candidate, Option<QueueSpec>);

impl One {
    /// This model of this provider; `name` is what people see: `PROVIDER/MODEL`.
    pub fn new(name: &str, model: &str, provider: Arc<dyn Provider>) -> One {
        let (name, model) = (name.to_owned(), model.to_owned());
        One(Candidate { name, model, provider, queue: None }, None)
    }

    /// Its calls stand in this queue, which comes along with the agent.
    pub fn queue(mut self, spec: QueueSpec) -> One {
        self.0.queue = Some(spec.name.clone());
        self.1 = Some(spec);
        self
    }
}

impl Models for One {
    fn candidates(&self, _: &str) -> Result<Vec<Candidate>, Failure> {
        Ok(vec![self.0.clone()])
    }

    /// A price would have to be known.
    fn cost_micro(&self, _: &str, _: &Usage) -> Option<u64> {
        None
    }

    fn queues(&self) -> Vec<QueueSpec> {
        self.1.iter().cloned().collect()
    }
}
