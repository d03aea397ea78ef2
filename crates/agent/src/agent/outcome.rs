//! What an agent's words come to: its result, or a word back to the model.

use super::run::Run;
use crate::provider::{Reply, Stop};
use greenroom_model::Failure;
use serde_json::Value;

/// The kind of failure of an agent whose model has refused.
pub const REFUSED: &str = "refused";

impl Run {
    /// The result; `None`: the model has been told what is wrong with it, or is to
    /// go on.
    pub fn outcome(&mut self, reply: &Reply) -> Result<Option<Value>, Failure> {
        let words = reply.message.text();
        match &reply.stop {
            Stop::Refused if !self.task.chat => {
                let words = if words.is_empty() { "without a word".to_owned() } else { words };
                return Err(Failure::fatal(REFUSED, format!("the model has refused: {words}")));
            }
            // The provider wants to be asked again with what there is.
            Stop::Paused => {
                self.again = true;
                return Ok(None);
            }
            Stop::Length if !self.task.chat => {
                self.thread.watch.was_wrong("it was cut at `maxTokens`");
                self.say_told(CUT.to_owned())?;
                return Ok(None);
            }
            _ => {}
        }
        let Some(schema) = self.setup.definition.output.clone() else {
            self.thread.watch.was_right();
            return Ok(Some(Value::String(words)));
        };
        match read_output(&words, &schema) {
            Ok(value) => {
                self.thread.watch.was_right();
                Ok(Some(value))
            }
            Err(wrong) => {
                self.thread.watch.was_wrong(&wrong);
                self.say_told(format!(
                    "Your answer is not what was asked for: {wrong}. Answer again, with JSON \
                     that follows the schema and nothing else."
                ))?;
                Ok(None)
            }
        }
    }
}

const CUT: &str = "Your answer was cut: it was too long. Give it again, shorter, or go on with \
    smaller steps.";

/// JSON that follows the schema, also where a model has put it into a fence.
pub(crate) fn read_output(words: &str, schema: &Value) -> Result<Value, String> {
    let trimmed = words.trim();
    let inner = trimmed
        .strip_prefix("```json")
        .or_else(|| trimmed.strip_prefix("```"))
        .and_then(|rest| rest.strip_suffix("```"))
        .unwrap_or(trimmed);
    let value = serde_json::from_str(inner).map_err(|error| format!("it is no JSON ({error})"))?;
    crate::tool::check(schema, &value)?;
    Ok(value)
}
