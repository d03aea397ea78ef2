//! A pipeline: known steps in order, each checked before the next begins.
//!
//! ```text
//! input ─▶ stage ─▶ fits its schema, and the next one's? ─ yes ─▶ next stage …
//!            ▲                 │ no
//!            └── told once ◀───┤ and again no, or it failed
//!                              ▼
//!                its fallback: an agent, a value, a person, or the end
//! ```

mod run;
mod stage;

pub use stage::{BAD_PIPELINE, Fallback, STAGE_FAILED, Stage};

use greenroom_runtime::{Ctx, Registry};
use serde_json::Value;
use std::sync::Arc;

/// A durable process that runs stages in order.
///
/// ```
/// use greenroom_agent::architecture::{Fallback, Pipeline, Stage};
/// use greenroom_model::Failure;
/// use greenroom_runtime::{Registry, Step};
///
/// async fn count(_: Step, text: String) -> Result<usize, Failure> {
///     Ok(text.split_whitespace().count())
/// }
///
/// let registry = Pipeline::new("words")
///     .stage(Stage::agent("writer").gives::<String>().or(Fallback::Ask))
///     .stage(Stage::function("count", count).gives::<usize>())
///     .register(Registry::new());
/// ```
///
/// Each stage is a child process or a step. Killed anywhere, the pipeline goes on
/// where it was; a stage that is done is not done again.
#[derive(Clone)]
pub struct Pipeline {
    name: String,
    stages: Vec<Stage>,
}

impl Pipeline {
    /// One without stages; its name is its kind.
    pub fn new(name: &str) -> Pipeline {
        Pipeline { name: name.to_owned(), stages: Vec::new() }
    }

    /// Adds the next stage.
    pub fn stage(mut self, stage: Stage) -> Pipeline {
        self.stages.push(stage);
        self
    }

    /// Adds it as a kind, named as it is. What it is started with is the first stage's
    /// input; its result is the last one's output.
    ///
    /// One that cannot be fails as [`BAD_PIPELINE`] when it is started, before any
    /// stage; an input that does not fit as `bad_payload`.
    /// A stage that fails without a fallback ends it as [`STAGE_FAILED`], which names
    /// the stage.
    pub fn register(self, registry: Registry) -> Registry {
        let stages = Arc::new(self.stages);
        registry.kind(&self.name, move |ctx: Ctx, input: Value| {
            Box::pin(run::run(ctx, stages.clone(), input))
        })
    }
}
