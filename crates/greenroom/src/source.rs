//! Where commands that only look get their facts: from the node, or from the
//! store itself when no node runs.

use crate::problem::Problem;
use anyhow::Result;
use greenroom_api::Client;
use greenroom_api::wire::{self, Ask, DeadLetter, ListQuery, Process, StateEntry, Turn};
use greenroom_journal::{Journal, Listing, PlaceRow, Places, ProcessRow, Scope};
use greenroom_model::{Place, ProcessId, Seq};
use std::sync::Arc;

/// A node or a store.
pub enum Source {
    /// A node that answers.
    Node(Client),
    /// A store that nobody works on.
    Store(Arc<dyn Journal>),
}

impl Source {
    /// Whether a node works on it.
    pub fn is_live(&self) -> bool {
        matches!(self, Source::Node(_))
    }

    /// One process.
    pub async fn process(&self, id: &ProcessId) -> Result<Process> {
        match self {
            Source::Node(client) => Ok(client.process(id).await?),
            Source::Store(journal) => Ok(find(journal.as_ref(), id)?.into()),
        }
    }

    /// Some processes.
    pub async fn list(&self, listing: &Listing) -> Result<Vec<Process>> {
        match self {
            Source::Node(client) => Ok(client.list(&query(listing)).await?),
            Source::Store(journal) => {
                Ok(journal.list(listing)?.into_iter().map(Process::from).collect())
            }
        }
    }

    /// The whole history of a process.
    pub async fn history(&self, id: &ProcessId) -> Result<Vec<Turn>> {
        match self {
            Source::Node(client) => Ok(client.history(id, Seq(0)).await?),
            Source::Store(journal) => {
                let row = find(journal.as_ref(), id)?;
                let loaded = journal.load(row.no, Scope::Whole)?;
                let turns = loaded.map(|loaded| loaded.turns).unwrap_or_default();
                Ok(turns.into_iter().map(Turn::from).collect())
            }
        }
    }

    /// The state a process shows.
    pub async fn state(&self, id: &ProcessId) -> Result<Vec<StateEntry>> {
        match self {
            Source::Node(client) => Ok(client.state(id).await?),
            Source::Store(journal) => {
                let row = find(journal.as_ref(), id)?;
                Ok(journal.state(row.no)?.into_iter().map(StateEntry::from).collect())
            }
        }
    }

    /// Open questions.
    pub async fn asks(&self, process: Option<&ProcessId>) -> Result<Vec<Ask>> {
        match self {
            Source::Node(client) => Ok(client.asks(process).await?),
            Source::Store(journal) => {
                Ok(journal.asks(process)?.into_iter().map(Ask::from).collect())
            }
        }
    }

    /// Who is found where.
    pub async fn places(&self, like: &Place, limit: usize) -> Result<Vec<wire::Place>> {
        match self {
            Source::Node(client) => {
                let sort = match like {
                    Place::Name(_) => "names",
                    Place::Group(_) => "groups",
                    Place::Topic(_) => "subscriptions",
                };
                let name = Some(like.text()).filter(|name| !name.is_empty());
                Ok(client.places(sort, name, limit).await?)
            }
            Source::Store(journal) => {
                let rows = journal.places(&Places { like: like.clone(), limit })?;
                let shown = |row: PlaceRow| wire::Place {
                    name: row.place.text().to_owned(),
                    process: row.process,
                };
                Ok(rows.into_iter().map(shown).collect())
            }
        }
    }

    /// Messages that no process took.
    pub async fn dead(&self, limit: usize) -> Result<Vec<DeadLetter>> {
        match self {
            Source::Node(client) => Ok(client.dead(limit).await?),
            Source::Store(journal) => {
                Ok(journal.dead(limit)?.into_iter().map(DeadLetter::from).collect())
            }
        }
    }
}

fn find(journal: &dyn Journal, id: &ProcessId) -> Result<ProcessRow> {
    let missing = || {
        Problem::new("no_process", format!("there is no process {id}"))
            .next("`greenroom ps --all` lists the processes")
            .exit(crate::exit::Code::Missing)
    };
    Ok(journal.find(id)?.ok_or_else(missing)?)
}

fn query(listing: &Listing) -> ListQuery {
    let statuses: Vec<_> = listing.statuses.iter().map(|status| status.word()).collect();
    ListQuery {
        status: (!statuses.is_empty()).then(|| statuses.join(",")),
        kind: listing.kind.clone(),
        parent: listing.parent.as_ref().map(ToString::to_string),
        root: listing.root.clone(),
        after: listing.after.map(|no| no.0),
        limit: Some(listing.limit),
        newest: listing.newest_first,
    }
}
