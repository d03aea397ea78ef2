//! Parents and children, and the end of a whole tree.

use super::handle::Node;
use super::once::Wish;
use crate::{Error, Result};
use greenroom_journal::{Listing, ProcessRow};
use greenroom_model::{Content, ProcessId, ProcessNo};
use std::collections::VecDeque;

/// How many children are read at a time.
const PAGE: usize = 1_000;

impl Node {
    /// The processes a process has spawned, in the order they were started.
    pub async fn children(&self, id: &ProcessId, after: ProcessNo) -> Result<Vec<ProcessRow>> {
        let (parent, after) = (Some(id.clone()), Some(after));
        self.list(Listing { parent, after, limit: PAGE, ..Listing::default() }).await
    }

    /// The process that spawned a process, the one that spawned that, and so on.
    pub async fn ancestors(&self, id: &ProcessId) -> Result<Vec<ProcessRow>> {
        let mut above = Vec::new();
        let mut next = self.process(id).await?.parent;
        while let Some(parent) = next {
            // An imported process may name a parent that is not here.
            let wanted = parent.clone();
            let row = self.read(move |journal| Ok(journal.find(&wanted)?)).await?;
            next = row.as_ref().and_then(|row| row.parent.clone());
            above.extend(row);
        }
        Ok(above)
    }

    /// Asks a process to stop, and all that it and its children have spawned and
    /// not detached, down to the leaves: each passes the wish on in the commit
    /// in which it hears of it. Of one that has ended the children are asked.
    ///
    /// # Errors
    /// `no_process`; `ended` if nothing of the tree is left.
    pub async fn cancel_tree(&self, id: &ProcessId, reason: &str, by: &str) -> Result<()> {
        let wish = self.wish("cancel tree", &[id.as_str(), reason]);
        let content = || Content::Cancel { reason: reason.to_owned(), stop: None, tree: true };
        match self.tell(id, content(), by, wish).await {
            Err(Error::Ended { status, .. }) => {
                let heads = self.below_ended(id).await?;
                if heads.is_empty() {
                    return Err(Error::Ended { id: id.clone(), status });
                }
                for head in heads {
                    match self.tell(&head, content(), by, Wish::none()).await {
                        // It has ended meanwhile; its own are asked by whoever asks again.
                        Ok(()) | Err(Error::Ended { .. }) => {}
                        Err(error) => return Err(error),
                    }
                }
                Ok(())
            }
            told => told,
        }
    }

    /// The first processes below one that has ended, on each way down, that have
    /// not.
    async fn below_ended(&self, id: &ProcessId) -> Result<Vec<ProcessId>> {
        let (mut ended, mut heads) = (VecDeque::from([id.clone()]), Vec::new());
        while let Some(parent) = ended.pop_front() {
            let mut after = ProcessNo::default();
            loop {
                let page = self.children(&parent, after).await?;
                let Some(last) = page.last() else { break };
                after = last.no;
                for child in page.into_iter().filter(|child| !child.detached) {
                    match child.status.is_ended() {
                        true => ended.push_back(child.id),
                        false => heads.push(child.id),
                    }
                }
            }
        }
        Ok(heads)
    }
}
