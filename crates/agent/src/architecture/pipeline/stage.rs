//! A stage: who does it, what it takes and gives, and what stands in for it. Plain
//! data; knows no process.

use crate::tool::{RunStep, schema_of};
use futures_util::FutureExt;
use greenroom_model::{Failure, Retry, failure};
use greenroom_runtime::Step;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::Arc;

/// The kind of failure of a pipeline whose stage has come to nothing that fits.
pub const STAGE_FAILED: &str = "stage_failed";
/// The kind of failure of a pipeline that cannot be.
pub const BAD_PIPELINE: &str = "bad_pipeline";

/// One of the steps of a [`Pipeline`](super::Pipeline).
#[derive(Clone)]
pub struct Stage {
    pub(super) name: String,
    pub(super) worker: Worker,
    pub(super) takes: Option<Value>,
    pub(super) gives: Option<Value>,
    pub(super) fallback: Fallback,
    pub(super) retry: Retry,
}

/// Who does it.
#[derive(Clone)]
pub(super) enum Worker {
    Agent(String),
    Function(RunStep),
}

/// What becomes of a stage that has failed, or whose output does not fit.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Fallback {
    /// The pipeline fails, and names the stage.
    #[default]
    Fail,
    /// This is its output.
    Value(Value),
    /// Another agent does it, by its kind.
    Agent(String),
    /// A person is asked for its output, until it fits.
    Ask,
}

impl Stage {
    /// One that an agent does: of the folder's, or registered by the program. Its name
    /// is the stage's. A string is its task as it is, other input as JSON.
    pub fn agent(name: &str) -> Stage {
        Stage::new(name, Worker::Agent(name.to_owned()))
    }

    /// One that a function does, as a step: it is tried again as steps are, three
    /// times in all unless [`retry`](Stage::retry) says otherwise.
    pub fn function<I, O, E, F, Fut>(name: &str, run: F) -> Stage
    where
        I: DeserializeOwned + Send,
        O: Serialize,
        E: Into<Failure>,
        F: Fn(Step, I) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O, E>> + Send + 'static,
    {
        let run: RunStep = Arc::new(move |step, input| match serde_json::from_value(input) {
            Err(error) => std::future::ready(Err(no_payload(&error))).boxed(),
            Ok(input) => {
                let done = run(step, input);
                async move {
                    let output = done.await.map_err(Into::into)?;
                    serde_json::to_value(output).map_err(|error| no_payload(&error))
                }
                .boxed()
            }
        });
        Stage::new(name, Worker::Function(run))
    }

    fn new(name: &str, worker: Worker) -> Stage {
        let (name, fallback, retry) = (name.to_owned(), Fallback::Fail, Retry::attempts(3));
        Stage { name, worker, takes: None, gives: None, fallback, retry }
    }

    /// What it takes: a type with a JSON schema. What the stage before gives must fit.
    pub fn takes<T: JsonSchema>(self) -> Stage {
        self.takes_schema(schema_of::<T>())
    }

    /// What it takes, as a JSON schema.
    pub fn takes_schema(mut self, schema: Value) -> Stage {
        self.takes = Some(schema);
        self
    }

    /// What it gives: a type with a JSON schema. An agent is told the schema.
    pub fn gives<T: JsonSchema>(self) -> Stage {
        self.gives_schema(schema_of::<T>())
    }

    /// What it gives, as a JSON schema.
    pub fn gives_schema(mut self, schema: Value) -> Stage {
        self.gives = Some(schema);
        self
    }

    /// What stands in for it.
    pub fn or(mut self, fallback: Fallback) -> Stage {
        self.fallback = fallback;
        self
    }

    /// How often a function is tried. An agent tries again by itself.
    pub fn retry(mut self, retry: Retry) -> Stage {
        self.retry = retry;
        self
    }
}

fn no_payload(error: &serde_json::Error) -> Failure {
    Failure::fatal(failure::BAD_PAYLOAD, error.to_string())
}
