//! Looking: reads of the store.

use super::handle::Node;
use crate::marked::list_marked;
use crate::{Error, Result};
use greenroom_journal::{
    Count, Listing, ProcessRow, Scope, StateRow, TraceListing, TraceTurn, TurnRow,
};
use greenroom_model::{Exit, ProcessId};
use std::time::Duration;

impl Node {
    /// A process's row.
    pub async fn process(&self, id: &ProcessId) -> Result<ProcessRow> {
        Ok(self.marked(self.found(id).await?))
    }

    /// A process's row, after a look at whether the process can be brought
    /// back: if not, its status is `damaged`.
    pub async fn examined(&self, id: &ProcessId) -> Result<ProcessRow> {
        let row = self.found(id).await?;
        match self.examine(&row).await {
            Ok(()) | Err(Error::Damaged { .. }) => Ok(self.marked(row)),
            Err(error) => Err(error),
        }
    }

    /// Processes, in the order they were started.
    pub async fn list(&self, listing: Listing) -> Result<Vec<ProcessRow>> {
        let node = self.clone();
        self.read(move |journal| {
            Ok(list_marked(journal, &listing, &mut |row| Ok(node.marked(row)))?)
        })
        .await
    }

    /// What one request caused, across processes, in order: of the process that it
    /// started, of all that goes back to it, and of others what they did for it.
    /// Read by index; page by page, each at most `limit` parts of turns.
    ///
    /// # Errors
    /// `no_process` if nothing goes back to a root of that name; `no_root` with the
    /// root if there is a process of that name, which goes back to another.
    pub async fn trace(&self, listing: TraceListing) -> Result<Vec<TraceTurn>> {
        let (first, root) = (listing.after.is_none(), listing.root.clone());
        let found = self.read(move |journal| Ok(journal.trace(&listing)?)).await?;
        if !found.is_empty() || !first {
            return Ok(found);
        }
        let id: ProcessId = root.parse()?;
        let row = self.found(&id).await?;
        Err(Error::NoRoot { id, root: row.root })
    }

    /// How many processes there are of each kind and version in each status.
    pub async fn census(&self) -> Result<Vec<Count>> {
        self.read(|journal| Ok(journal.census()?)).await
    }

    /// A process's journal.
    pub async fn history(&self, id: &ProcessId, scope: Scope) -> Result<Vec<TurnRow>> {
        let row = self.found(id).await?;
        let loaded = self.loaded(&row, scope).await?;
        Ok(loaded.map(|loaded| loaded.turns).unwrap_or_default())
    }

    /// The state a process has set.
    pub async fn state(&self, id: &ProcessId) -> Result<Vec<StateRow>> {
        let row = self.process(id).await?;
        self.read(move |journal| Ok(journal.state(row.no)?)).await
    }

    /// How a process ended; waits for it, at most `wait` (for ever without).
    /// `None`: it has not ended by then.
    pub async fn result(&self, id: &ProcessId, wait: Option<Duration>) -> Result<Option<Exit>> {
        let row = self.process(id).await?;
        if row.status.is_ended() {
            return Ok(row.exit);
        }
        let mut follow = self.follow(id, greenroom_model::Seq(u64::MAX)).await?;
        let wait = wait.unwrap_or(Duration::MAX);
        let ended = std::pin::pin!(follow.end());
        match futures_util::future::select(ended, self.env.sleep(wait)).await {
            futures_util::future::Either::Left((exit, _)) => exit.map(Some),
            futures_util::future::Either::Right(_) => Ok(None),
        }
    }

    /// Reads the whole store and reports what cannot be right.
    pub async fn verify(&self) -> Result<Vec<String>> {
        self.read(|journal| Ok(journal.verify(&mut |_| {})?)).await
    }
}
