//! What a person says to something that an agent may not do by itself.

use greenroom_model::Failure;
use greenroom_runtime::Ctx;
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[cfg(test)]
mod tests;

/// What a person answers to the question whether a tool may be called.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Yes, as it is: `"approve"`.
    Approve,
    /// Yes, with other arguments: `{"edit": {…}}`.
    Edit(Value),
    /// No, and why: `{"reject": "…"}`, or `"reject"`.
    Reject(String),
}

impl Decision {
    /// Reads an answer. The words of people count as well: `yes`, `no`, true, false.
    ///
    /// # Errors
    /// What may be answered.
    pub fn read(answer: &Value) -> Result<Decision, String> {
        match answer {
            Value::Bool(true) => return Ok(Decision::Approve),
            Value::Bool(false) => return Ok(Decision::Reject(String::new())),
            Value::String(word) => match word.trim().to_lowercase().as_str() {
                "approve" | "yes" | "y" => return Ok(Decision::Approve),
                "reject" | "no" | "n" => return Ok(Decision::Reject(String::new())),
                _ => {}
            },
            _ => {}
        }
        serde_json::from_value(answer.clone()).map_err(|_| {
            format!(
                "{answer} is no answer to this: say \"approve\", {{\"edit\": {{…}}}} with other \
                 arguments, or {{\"reject\": \"why\"}}"
            )
        })
    }
}

/// Asks a person about what a tool that is under way would do: yes or no. What the model
/// is told if it is not to be done.
pub(super) async fn confirm(
    ctx: &Ctx,
    tool: &str,
    question: &str,
) -> Result<Option<String>, Failure> {
    let mut wrong = String::new();
    loop {
        let ask = ctx.ask::<Value>(&format!("approve {tool}"), format!("{wrong}{question}"));
        match Decision::read(&ask.await?) {
            Ok(Decision::Approve) => return Ok(None),
            Ok(Decision::Reject(why)) => return Ok(Some(rejected(&why))),
            Ok(Decision::Edit(_)) => wrong = "Nothing of it can be changed here.\n".to_owned(),
            Err(words) => wrong = format!("{words}.\n"),
        }
    }
}

/// What the model is told of a refusal.
pub(super) fn rejected(why: &str) -> String {
    match why.trim() {
        "" => "A person has refused this call. Do not make it again.".to_owned(),
        why => format!("A person has refused this call: {why}"),
    }
}
