//! Questions to people, and their answers.

use super::handle::Node;
use super::send::taken;
use crate::{Error, Result};
use greenroom_journal::{AskRow, ProcessRow, Scope};
use greenroom_model::{AskId, Content, Message, Payload, ProcessId, Seq};

impl Node {
    /// Open questions, oldest first. One that was answered while its process is
    /// paused is none.
    pub async fn asks(&self, process: Option<&ProcessId>) -> Result<Vec<AskRow>> {
        let process = process.cloned();
        self.read(move |journal| Ok(journal.asks(process.as_ref())?)).await
    }

    /// What lies in a mailbox.
    pub(super) async fn mailbox(&self, row: &ProcessRow) -> Result<Vec<Message>> {
        let loaded = self.loaded(row, Scope::After(Seq(i64::MAX as u64))).await?;
        Ok(loaded.map(|loaded| loaded.mailbox).unwrap_or_default())
    }

    /// Answers a question. Durable when it returns. Of two answers at the same
    /// moment the first one counts, and the second is `not_open`. One that comes
    /// at the very moment of the deadline may find that the default was taken.
    ///
    /// # Errors
    /// `not_open`; `bad_answer` if it is not among the choices.
    pub async fn answer(&self, ask: &AskId, value: Payload, by: &str) -> Result<()> {
        let wish = self.wish("answer", &[&ask.to_string(), value.text().unwrap_or_default()]);
        if let Some(done) = self.done(&wish).await? {
            return taken(&ask.process, &done.receipt);
        }
        let _deciding = self.deciding.lock().await;
        // An answer nobody can take must not look like one that was.
        match self.found(&ask.process).await {
            Ok(row) => self.examine(&row).await?,
            Err(Error::NoProcess { .. }) => {}
            Err(error) => return Err(error),
        }
        let open = self.asks(Some(&ask.process)).await?;
        let Some(row) = open.into_iter().find(|row| row.op == ask.op) else {
            return Err(Error::NotOpen { ask: ask.to_string() });
        };
        if !row.spec.allows(&value) {
            let value: String = value.to_string().chars().take(100).collect();
            return Err(Error::BadAnswer { value, choices: row.spec.choices.join(", ") });
        }
        let content = Content::Answer { op: ask.op, value };
        self.append(&ask.process, content, by, wish).await.map(drop)
    }
}
