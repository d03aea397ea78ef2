//! Tools: what a model may ask for, and on which terms it is done.
//!
//! A tool that reaches outside is a step, with a policy of its own; a tool that is
//! made of the runtime's verbs (spawn, ask, send) is code on the agent's `Ctx`.

mod function;
mod group;
pub mod mcp;
pub(crate) mod outside;
mod pattern;
mod policy;
mod schema;
mod tail;
mod toolbox;
pub mod workspace;

pub(crate) use function::schema_of;
pub use pattern::Pattern;
pub(crate) use pattern::is_met;
pub use policy::{Approval, Policy};
/// Whether arguments are what a JSON schema asks for; errors name the field.
pub use schema::check as check_arguments;
pub(crate) use schema::{Unsound, check, sound};
pub use toolbox::{BadTool, Toolbox};

use crate::provider::ToolSpec;
use futures_util::future::BoxFuture;
use greenroom_model::Failure;
use greenroom_runtime::{Ctx, Step};
use serde_json::Value;
use std::sync::Arc;

/// A failure's kind: the arguments are not what the tool's schema asks for. Nothing
/// was done.
pub const BAD_ARGUMENTS: &str = "bad_arguments";

/// What a tool's step runs.
pub type RunStep =
    Arc<dyn Fn(Step, Value) -> BoxFuture<'static, Result<Value, Failure>> + Send + Sync>;

/// What a tool made of the runtime's verbs runs. It must do nothing but call its
/// `Ctx`, as all code of a process.
pub type RunVerb =
    Arc<dyn Fn(Ctx, Value) -> BoxFuture<'static, Result<Value, Failure>> + Send + Sync>;

/// Where a tool is done, beside its arguments.
#[derive(Clone, Debug)]
pub struct Placed {
    /// What the agent's state has of its box.
    pub place: Value,
    /// Whether it may change something there.
    pub effects: bool,
}

/// What a tool's step runs that works in the agent's box. It gives back what it said and, if
/// that is another one now, the box.
pub type RunPlaced =
    Arc<dyn Fn(Step, Placed, Value) -> BoxFuture<'static, Result<Value, Failure>> + Send + Sync>;

/// How a tool is done.
#[derive(Clone)]
pub enum Run {
    /// By a step.
    Step(RunStep),
    /// By a step in the agent's box.
    Placed(RunPlaced),
    /// By the agent's own process.
    Verb(RunVerb),
}

/// A tool.
#[derive(Clone)]
pub struct Tool {
    /// What the model is told of it.
    pub spec: ToolSpec,
    /// On which terms it is done.
    pub policy: Policy,
    /// How it is done. A value that is a string is given to the model as it is, any
    /// other as JSON. A failure is told to the model, which may try something else.
    pub run: Run,
}
