//! Where commands that only look get their facts: from the node, or from the
//! store itself when no node runs.

use crate::problem::Problem;
use anyhow::Result;
use greenroom_api::Client;
use greenroom_api::wire::{
    self, Ask, DeadLetter, LetterQuery, ListQuery, Process, StateEntry, Turn,
};
use greenroom_journal::{
    Journal, LetterListing, Listing, PlaceRow, Places, ProcessRow, Scope, TraceListing,
};
use greenroom_model::{Place, ProcessId, Seq, Status};
use greenroom_runtime::list_marked;
use std::sync::Arc;
use std::time::Duration;

/// How many of a list are read to see whether they can be.
const READ_MAX: usize = 1_000;

/// A page of a node with fewer is its last one.
const PAGE_MIN: usize = 10_000;

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
            Source::Store(journal) => {
                let row = find(journal.as_ref(), id)?;
                Ok(marked(journal.as_ref(), row)?.into())
            }
        }
    }

    /// Some processes.
    pub async fn list(&self, listing: &Listing) -> Result<Vec<Process>> {
        match self {
            Source::Node(client) => pages(client, listing).await,
            Source::Store(journal) => {
                let mut reads = 0..READ_MAX;
                let mut mark = |row| match reads.next() {
                    Some(_) => marked(journal.as_ref(), row),
                    None => Ok(row),
                };
                let rows = list_marked(journal.as_ref(), listing, &mut mark)?;
                Ok(rows.into_iter().map(Process::from).collect())
            }
        }
    }

    /// What is wrong with a process that is damaged.
    pub async fn damage(&self, id: &ProcessId) -> Result<()> {
        match self {
            Source::Node(client) => Ok(client.result(id, Duration::ZERO).await.map(|_| ())?),
            Source::Store(journal) => {
                let row = find(journal.as_ref(), id)?;
                journal.load(row.no, Scope::Segment).map_err(|error| damaged(id, error))?;
                Ok(())
            }
        }
    }

    /// The whole history of a process.
    pub async fn history(&self, id: &ProcessId) -> Result<Vec<Turn>> {
        match self {
            Source::Node(client) => Ok(client.history(id, Seq(0)).await?),
            Source::Store(journal) => {
                let row = find(journal.as_ref(), id)?;
                let loaded = journal.load(row.no, Scope::Whole);
                let loaded = loaded.map_err(|error| damaged(id, error))?;
                let turns = loaded.map(|loaded| loaded.turns).unwrap_or_default();
                Ok(turns.into_iter().map(Turn::from).collect())
            }
        }
    }

    /// A page of what a request caused, across processes.
    pub async fn trace(
        &self,
        root: &ProcessId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<wire::Trace> {
        match self {
            Source::Node(client) => Ok(client.trace(root, after, limit).await?),
            Source::Store(journal) => {
                let after = after.and_then(wire::place_of);
                let listing = TraceListing { root: root.to_string(), after, limit };
                let turns = journal.trace(&listing)?;
                if turns.is_empty() && after.is_none() {
                    let row = find(journal.as_ref(), root)?;
                    let (id, root) = (root.clone(), row.root);
                    return Err(greenroom_runtime::Error::NoRoot { id, root }.into());
                }
                Ok(wire::Trace::page(turns, limit))
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

    /// Messages that no process took, newest first.
    pub async fn letters(&self, listing: &LetterListing) -> Result<Vec<DeadLetter>> {
        match self {
            Source::Node(client) => {
                let LetterListing { to, reason, before, limit } = listing.clone();
                let to = to.map(String::from);
                Ok(client.letters(&LetterQuery { to, reason, before, limit: Some(limit) }).await?)
            }
            Source::Store(journal) => {
                Ok(journal.letters(listing)?.into_iter().map(DeadLetter::from).collect())
            }
        }
    }

    /// One of them, in full.
    pub async fn letter(&self, no: i64) -> Result<DeadLetter> {
        let journal = match self {
            Source::Node(client) => return Ok(client.letter(no).await?),
            Source::Store(journal) => journal.as_ref(),
        };
        let listing = LetterListing { before: no.checked_add(1), limit: 1, ..Default::default() };
        let found = journal.letters(&listing)?.pop().filter(|letter| letter.no == no);
        let Some(mut letter) = found else {
            let words = format!("there is no dead letter {no}");
            let problem = Problem::new("no_letter", words).next("`greenroom dead` lists them");
            return Err(problem.exit(crate::exit::Code::Missing).into());
        };
        greenroom_journal::fetch_content(journal, &mut letter.content)?;
        Ok(letter.into())
    }
}

fn find(journal: &dyn Journal, id: &ProcessId) -> Result<ProcessRow> {
    let missing = || {
        Problem::new("no_process", format!("there is no process {id}"))
            .next("`greenroom ps --all` lists the processes")
            .exit(crate::exit::Code::Missing)
    };
    let found = journal.find(id).map_err(|error| damaged(id, error))?;
    Ok(found.ok_or_else(missing)?)
}

/// Damage of the store is damage of this process.
fn damaged(id: &ProcessId, error: greenroom_journal::Error) -> anyhow::Error {
    if error.is_damage() {
        let why = greenroom_runtime::damage_in_words(&error);
        return greenroom_runtime::Error::Damaged { id: id.clone(), why }.into();
    }
    error.into()
}

/// The row, with the damage that reading the process finds.
fn marked(
    journal: &dyn Journal,
    mut row: ProcessRow,
) -> Result<ProcessRow, greenroom_journal::Error> {
    if !row.status.is_ended() {
        match journal.load(row.no, Scope::Segment) {
            Err(error) if error.is_damage() => row.status = Status::Damaged,
            loaded => drop(loaded?),
        }
    }
    Ok(row)
}

/// As many as are wanted: the node gives no more than so many at once.
async fn pages(client: &Client, listing: &Listing) -> Result<Vec<Process>> {
    let (mut listing, mut found) = (listing.clone(), Vec::new());
    loop {
        let page = client.list(&query(&listing)).await?;
        let full = page.len() >= PAGE_MIN;
        listing.limit = listing.limit.saturating_sub(page.len());
        listing.after = page.last().map(|last| last.no).or(listing.after);
        found.extend(page);
        if !full || listing.limit == 0 {
            return Ok(found);
        }
    }
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
