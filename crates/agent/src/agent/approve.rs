//! A person's yes to a call of a tool. It is asked for these very arguments: they
//! stand in the question, which the journal keeps, and nothing else is run.

use super::decision::{Decision, rejected};
use super::run::Run;
use crate::conversation::ToolCall;
use crate::tool::{Tool, check as schema_check};
use greenroom_model::Failure;
use serde_json::Value;

/// A call as a person has left it.
pub(super) enum Approved {
    /// To be run as it is.
    Run,
    /// To be run with other arguments.
    Changed(Value),
    /// Not to be run; what the model is told.
    Not(String),
}

impl Run {
    /// Asks a person about a call, until the answer is one.
    pub async fn approve(&self, call: &ToolCall, tool: &Tool) -> Result<Approved, Failure> {
        let mut wrong = String::new();
        loop {
            let question = question(call, &wrong);
            let ask = self.ctx.ask::<Value>(&format!("approve {}", call.name), question);
            match Decision::read(&ask.await?) {
                Ok(Decision::Approve) => return Ok(Approved::Run),
                Ok(Decision::Edit(arguments)) => {
                    match schema_check(&tool.spec.schema, &arguments) {
                        Ok(()) => return Ok(Approved::Changed(arguments)),
                        Err(words) => wrong = format!("These arguments cannot be: {words}.\n"),
                    }
                }
                Ok(Decision::Reject(why)) => return Ok(Approved::Not(rejected(&why))),
                Err(words) => wrong = format!("{words}.\n"),
            }
        }
    }
}

fn question(call: &ToolCall, wrong: &str) -> String {
    let arguments = serde_json::to_string_pretty(&call.arguments).unwrap_or_default();
    format!("{wrong}May {} be called with {arguments}?", call.name)
}

/// What the model is told of a call that was made otherwise than it wanted.
pub(super) fn changed(arguments: &Value, result: &str) -> String {
    format!(
        "[A person has changed this call: not what you wrote was run, but {arguments}. The result \
         of that is:]\n{result}"
    )
}
