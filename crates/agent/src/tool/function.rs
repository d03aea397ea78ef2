//! A tool made of a plain function: its schema comes from the type of its argument.

#[cfg(test)]
mod tests;

use super::{Approval, BAD_ARGUMENTS, Policy, Run, Tool, schema};
use crate::provider::ToolSpec;
use futures_util::FutureExt;
use greenroom_model::{Failure, failure};
use greenroom_runtime::{Ctx, Step};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

impl Tool {
    /// A tool that is done by a step:
    ///
    /// ```
    /// use greenroom_agent::tool::Tool;
    /// use greenroom_runtime::Step;
    /// use greenroom_model::Failure;
    ///
    /// #[derive(serde::Deserialize, schemars::JsonSchema)]
    /// struct Refund {
    ///     /// The order's number.
    ///     order: u64,
    /// }
    ///
    /// let refund = Tool::function("refund", "Pays an order back.", |step: Step, refund: Refund| async move {
    ///     Ok::<_, Failure>(format!("{} is paid back under {}", refund.order, step.key()))
    /// });
    /// # assert_eq!(refund.spec.schema["properties"]["order"]["description"], "The order's number.");
    /// ```
    ///
    /// The words on the argument's fields are the model's only manual. `()` stands for
    /// no arguments. A crash while it runs runs it again, with the same
    /// [`Step::key`], unless it is [`at_most_once`](Tool::at_most_once).
    pub fn function<I, O, E, F, Fut>(name: &str, description: &str, run: F) -> Tool
    where
        I: DeserializeOwned + JsonSchema + Send,
        O: Serialize,
        E: Into<Failure>,
        F: Fn(Step, I) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O, E>> + Send + 'static,
    {
        let run =
            Arc::new(move |step, arguments| answer(read::<I>(arguments).map(|i| run(step, i))));
        Tool::new::<I>(name, description, Run::Step(run))
    }

    /// The same as code of the agent's own process, made of the runtime's verbs: spawn,
    /// ask, send. It must reach outside by its `Ctx` alone; it is replayed.
    pub fn verb<I, O, E, F, Fut>(name: &str, description: &str, run: F) -> Tool
    where
        I: DeserializeOwned + JsonSchema + Send,
        O: Serialize,
        E: Into<Failure>,
        F: Fn(Ctx, I) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O, E>> + Send + 'static,
    {
        let run = Arc::new(move |ctx, arguments| answer(read::<I>(arguments).map(|i| run(ctx, i))));
        Tool::new::<I>(name, description, Run::Verb(run))
    }

    fn new<I: JsonSchema>(name: &str, description: &str, run: Run) -> Tool {
        let (name, description) = (name.to_owned(), description.to_owned());
        let spec = ToolSpec { name, description, schema: schema_of::<I>() };
        Tool { spec, policy: Policy::default(), run }
    }

    /// It changes nothing: it may run beside others and be repeated.
    pub fn read_only(mut self) -> Tool {
        self.policy.read_only = true;
        self
    }

    /// Never run it twice, not even if a crash leaves it unknown whether it was done:
    /// then the model is told so.
    pub fn at_most_once(mut self) -> Tool {
        self.policy.at_most_once = true;
        self
    }

    /// Whether a person is asked first.
    pub fn approval(mut self, approval: Approval) -> Tool {
        self.policy.approval = approval;
        self
    }

    /// How long one attempt may take.
    pub fn timeout(mut self, limit: Duration) -> Tool {
        self.policy.timeout = limit;
        self
    }

    /// How many attempts in all, at least one.
    pub fn attempts(mut self, max: u32) -> Tool {
        self.policy.attempts_max = max.max(1);
        self
    }

    /// The node's queue it stands in (concurrency, rate).
    pub fn queue(mut self, name: &str) -> Tool {
        self.policy.queue = Some(name.to_owned());
        self
    }

    /// Whether these arguments may be given to it, by its schema. Pure: the loop asks
    /// before it asks a person.
    ///
    /// Errors: [`BAD_ARGUMENTS`], in words for the model: which field, what was
    /// expected, what was given.
    pub fn check(&self, arguments: &Value) -> Result<(), Failure> {
        schema::check(&self.spec.schema, arguments).map_err(bad_arguments)
    }
}

fn bad_arguments(why: String) -> Failure {
    Failure::fatal(BAD_ARGUMENTS, why)
}

fn read<I: DeserializeOwned + JsonSchema>(arguments: Value) -> Result<I, Failure> {
    let is_unit = || root_schema::<I>().get("type").is_some_and(|is| is == "null");
    match serde_json::from_value(arguments) {
        Ok(input) => Ok(input),
        Err(_) if is_unit() => {
            serde_json::from_value(Value::Null).map_err(|error| bad_arguments(error.to_string()))
        }
        Err(error) => Err(bad_arguments(error.to_string())),
    }
}

/// What a function's call comes to.
fn answer<O, E, Fut>(
    call: Result<Fut, Failure>,
) -> futures_util::future::BoxFuture<'static, Result<Value, Failure>>
where
    O: Serialize,
    E: Into<Failure>,
    Fut: Future<Output = Result<O, E>> + Send + 'static,
{
    match call {
        Err(failure) => futures_util::future::ready(Err(failure)).boxed(),
        Ok(call) => async move {
            let output = call.await.map_err(Into::into)?;
            serde_json::to_value(output)
                .map_err(|error| Failure::fatal(failure::BAD_PAYLOAD, error.to_string()))
        }
        .boxed(),
    }
}

/// The type's schema in one piece: not every provider follows references.
fn root_schema<I: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    settings.into_generator().into_root_schema_for::<I>().into()
}

pub(crate) fn schema_of<I: JsonSchema>() -> Value {
    let mut schema = root_schema::<I>();
    if schema.get("type").is_some_and(|is| is == "null") {
        return json!({ "type": "object", "properties": {} });
    }
    if let Some(schema) = schema.as_object_mut() {
        // The type's name is nothing to a model.
        schema.remove("title");
        if schema.get("type").is_some_and(|is| is == "object") {
            schema.entry("properties").or_insert_with(|| json!({}));
        }
    }
    schema
}
