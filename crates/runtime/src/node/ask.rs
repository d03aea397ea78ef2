//! Questions to people, and their answers.

use super::handle::Node;
use crate::{Error, Result};
use greenroom_journal::AskRow;
use greenroom_model::{AskId, Content, Payload, ProcessId};

impl Node {
    /// Open questions, oldest first.
    pub async fn asks(&self, process: Option<&ProcessId>) -> Result<Vec<AskRow>> {
        let process = process.cloned();
        self.read(move |journal| Ok(journal.asks(process.as_ref())?)).await
    }

    /// Answers a question. Durable when it returns. Of two answers at the same
    /// moment the first one counts.
    ///
    /// # Errors
    /// `not_open`; `bad_answer` if it is not among the choices.
    pub async fn answer(&self, ask: &AskId, value: Payload, by: &str) -> Result<()> {
        let open = self.asks(Some(&ask.process)).await?;
        let Some(row) = open.into_iter().find(|row| row.op == ask.op) else {
            return Err(Error::NotOpen { ask: ask.to_string() });
        };
        if !row.spec.allows(&value) {
            let value: String = value.to_string().chars().take(100).collect();
            return Err(Error::BadAnswer { value, choices: row.spec.choices.join(", ") });
        }
        self.append(&ask.process, Content::Answer { op: ask.op, value }, by, None).await
    }
}
