//! The questions of an agent and of all below it: one at a time, the oldest first.

use greenroom_api::wire::{Ask, Given};
use greenroom_api::{Client, ClientError};
use greenroom_model::{AskId, ProcessId};
use serde_json::Value;
use std::collections::BTreeMap;

/// What is asked.
#[derive(Default)]
pub struct Questions {
    /// The one that stands there.
    open: Option<Ask>,
    /// The one that was answered last: it may be listed for a moment still.
    answered: Option<String>,
    /// Whether a process is below the agent.
    below: BTreeMap<ProcessId, bool>,
}

/// Nobody leads agents this deep.
const DEPTH_MAX: usize = 64;

impl Questions {
    /// The one that stands there.
    pub fn open(&self) -> Option<&Ask> {
        self.open.as_ref()
    }

    /// Looks whether there is another one to be shown.
    ///
    /// # Errors
    /// The node's.
    pub async fn look(
        &mut self,
        client: &Client,
        id: &ProcessId,
    ) -> Result<Option<Ask>, ClientError> {
        let mut first: Option<Ask> = None;
        for ask in client.asks(None).await? {
            let is_older = first.as_ref().is_none_or(|first| ask.opened_at < first.opened_at);
            let is_new = self.answered.as_ref() != Some(&ask.id);
            if is_older && is_new && self.is_below(client, id, &ask.process).await? {
                first = Some(ask);
            }
        }
        // The one on the screen stays there until it is answered, by whomever.
        let stays = match (&self.open, &first) {
            (Some(open), Some(first)) => open.id == first.id,
            _ => false,
        };
        self.open = first;
        Ok(if stays { None } else { self.open.clone() })
    }

    async fn is_below(
        &mut self,
        client: &Client,
        id: &ProcessId,
        process: &ProcessId,
    ) -> Result<bool, ClientError> {
        let (mut path, mut at) = (Vec::new(), process.clone());
        let below = loop {
            if at == *id {
                break true;
            }
            if let Some(known) = self.below.get(&at) {
                break *known;
            }
            path.push(at.clone());
            match client.process(&at).await?.parent {
                Some(parent) if path.len() < DEPTH_MAX => at = parent,
                _ => break false,
            }
        };
        self.below.extend(path.into_iter().map(|process| (process, below)));
        Ok(below)
    }

    /// Answers the one that stands there.
    ///
    /// # Errors
    /// The node's: somebody else was faster, say.
    pub async fn answer(&mut self, client: &Client, value: &Value) -> anyhow::Result<()> {
        let Some(ask) = self.open.take() else { return Ok(()) };
        let id = AskId { process: ask.process.clone(), op: ask.op };
        client.answer(&id, Given::parse(value.to_string())?).await?;
        self.answered = Some(ask.id);
        Ok(())
    }
}
