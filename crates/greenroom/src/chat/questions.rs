//! The questions of an agent and of all below it: one stands there at a time, the
//! oldest first; those that plain words do not answer come last.

use super::line::{Asked, is_aside};
use greenroom_api::wire::{Ask, Given};
use greenroom_api::{Client, ClientError};
use greenroom_model::{AskId, ProcessId};
use serde_json::Value;
use std::collections::BTreeMap;

/// What is asked.
#[derive(Default)]
pub struct Questions {
    /// The one that stands there.
    shown: Option<Ask>,
    /// All that are open.
    all: Vec<Ask>,
    /// The one that was answered last: it may be listed for a moment still.
    answered: Option<String>,
    /// Whether a process is below the agent.
    below: BTreeMap<ProcessId, bool>,
}

/// Another question, or none, is to stand there.
pub struct Change {
    /// It.
    pub next: Option<Ask>,
    /// The one that stood there, if it was not answered here.
    pub gone: Option<Ask>,
}

/// Nobody leads agents this deep.
const DEPTH_MAX: usize = 64;

impl Questions {
    /// The one that stands there.
    pub fn shown(&self) -> Option<&Ask> {
        self.shown.as_ref()
    }

    /// All there are, for who has to read a line.
    pub fn asked<'a>(&'a self, talked_to: &'a ProcessId) -> Asked<'a> {
        Asked { talked_to, shown: self.shown.as_ref(), all: &self.all }
    }

    /// Looks whether there is another one to be shown. It stands there from
    /// [`Questions::show`] on.
    ///
    /// # Errors
    /// The node's.
    pub async fn look(
        &mut self,
        client: &Client,
        id: &ProcessId,
    ) -> Result<Option<Change>, ClientError> {
        let mut all = Vec::new();
        for ask in client.asks(None).await? {
            let is_new = self.answered.as_ref() != Some(&ask.id);
            if is_new && self.is_below(client, id, &ask.process).await? {
                all.push(ask);
            }
        }
        all.sort_by_key(|ask| (is_aside(ask, id), ask.opened_at));
        self.all = all;
        let first = self.all.first();
        let still = self.shown.as_ref().filter(|shown| self.all.iter().any(|a| a.id == shown.id));
        // The one on the screen stays there, unless it would keep one from being seen
        // that somebody waits for.
        let stays = match (still, first) {
            (Some(still), Some(first)) => !is_aside(still, id) || is_aside(first, id),
            (None, None) => self.shown.is_none(),
            _ => false,
        };
        if stays {
            return Ok(None);
        }
        let gone = if still.is_none() { self.shown.clone() } else { None };
        Ok(Some(Change { next: first.cloned(), gone }))
    }

    /// This one stands there now.
    pub fn show(&mut self, ask: Option<Ask>) {
        self.shown = ask;
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

    /// Answers the one that stands there, or the one that is named.
    ///
    /// # Errors
    /// The node's: somebody else was faster, say.
    pub async fn answer(
        &mut self,
        client: &Client,
        to: Option<AskId>,
        value: &Value,
    ) -> anyhow::Result<()> {
        let shown =
            self.shown.as_ref().map(|ask| AskId { process: ask.process.clone(), op: ask.op });
        let Some(id) = to.or_else(|| shown.clone()) else { return Ok(()) };
        if shown.as_ref() == Some(&id) {
            self.shown = None;
        }
        client.answer(&id, Given::parse(value.to_string())?).await?;
        self.answered = Some(id.to_string());
        Ok(())
    }
}
