//! The trait every store implements.

use crate::{
    Arrivals, AskRow, Commit, Count, DeadLetter, Done, Error, Imported, LetterListing, Listing,
    Loaded, Outcome, PlaceRow, Places, ProcessRow, Scope, StateRow, TraceListing, TraceTurn,
};
use greenroom_model::budget::Account;
use greenroom_model::{BlobRef, Epoch, Millis, ProcessId, ProcessNo};

/// A store of journals.
///
/// Calls block; the runtime makes them from threads that may. A store is
/// shared by all of a node's threads. What a call has returned is durable: no
/// later crash takes it back.
pub trait Journal: Send + Sync {
    /// Commits a group in one transaction, in order: a later commit of the
    /// group sees the earlier ones. The answer has one outcome per commit. On
    /// `Err` it is unknown whether the group took effect; a turn may be
    /// committed again, since a turn that did take effect is then refused as
    /// [`Refusal::Stale`](crate::Refusal::Stale).
    fn commit(&self, group: &[Commit]) -> Result<Vec<Outcome>, Error>;

    /// Takes in all the processes `next` gives, or, on an error, none of them.
    /// Their order does not matter: whose end each hears of is settled when
    /// all are there. A process that is there with the same history, or one
    /// that goes on from it, stays as it is. Nobody is woken.
    ///
    /// # Errors
    /// [`Error::Differs`] names a process that is there with another history;
    /// what `next` fails with.
    fn import(&self, epoch: Epoch, at: Millis, next: &mut Arrivals<'_>) -> Result<Imported, Error>;

    /// Takes the lease of all shards for this node, fencing off who had it.
    ///
    /// # Errors
    /// [`Error::InUse`] if a live node holds it.
    fn acquire(&self, owner: &str, at: Millis) -> Result<Lease, Error>;

    /// The row of a process.
    fn find(&self, id: &ProcessId) -> Result<Option<ProcessRow>, Error>;

    /// A process with its journal and mailbox.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if a sum does not match or a row cannot be read.
    fn load(&self, no: ProcessNo, scope: Scope) -> Result<Option<Loaded>, Error>;

    /// Processes in the order they were started.
    fn list(&self, listing: &Listing) -> Result<Vec<ProcessRow>, Error>;

    /// Processes that a node must bring back at its start: with a step under
    /// way, waiting for room or a budget, or with messages in the mailbox. By number, those after `after`.
    fn runnable(&self, after: ProcessNo, limit: usize) -> Result<Vec<ProcessNo>, Error>;

    /// The next wake-ups after the point `after` (in time, then by number),
    /// earliest first.
    fn due(
        &self,
        after: (Millis, ProcessNo),
        limit: usize,
    ) -> Result<Vec<(Millis, ProcessNo)>, Error>;

    /// The state of a process that queries may read, by key.
    fn state(&self, no: ProcessNo) -> Result<Vec<StateRow>, Error>;

    /// Open questions, oldest first; of one process, if one is named. One whose
    /// answer lies in the mailbox waits for nobody and is not open.
    fn asks(&self, process: Option<&ProcessId>) -> Result<Vec<AskRow>, Error>;

    /// Who is found where: by names, in groups, at topics.
    fn places(&self, places: &Places) -> Result<Vec<PlaceRow>, Error>;

    /// Dead letters, newest first.
    fn letters(&self, listing: &LetterListing) -> Result<Vec<DeadLetter>, Error>;

    /// The newest dead letters.
    fn dead(&self, limit: usize) -> Result<Vec<DeadLetter>, Error> {
        self.letters(&LetterListing { limit, ..LetterListing::default() })
    }

    /// What one request caused, across all processes: a page that holds the first
    /// by their places, ordered by time, and within a millisecond as one thing led
    /// to another. What comes next is after the highest place.
    fn trace(&self, listing: &TraceListing) -> Result<Vec<TraceTurn>, Error>;

    /// How many processes there are of each kind and version in each status.
    fn census(&self) -> Result<Vec<Count>, Error>;

    /// The budget of a process, if it has one of its own, and those above it, the
    /// nearest first.
    fn account(&self, id: &ProcessId) -> Result<Vec<Account>, Error>;

    /// What came of the request with this key, if it has been carried out and
    /// its key is still kept at `at`.
    fn request(&self, key: &str, at: Millis) -> Result<Option<Done>, Error>;

    /// Puts a large payload's text where any node of this store finds it.
    /// Durable when it returns. Putting the same text again is harmless.
    fn put_blob(&self, text: &str) -> Result<BlobRef, Error>;

    /// The text of a blob; its hash is checked.
    fn get_blob(&self, blob: &BlobRef) -> Result<String, Error>;

    /// Reads the whole store and reports everything that cannot be right.
    /// `progress` hears how many processes have been read.
    fn verify(&self, progress: &mut dyn FnMut(usize)) -> Result<Vec<String>, Error>;

    /// What it is, for people: `sqlite:.greenroom/store.db`. No credentials.
    fn describe(&self) -> String;
}

/// The fenced right to commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Goes into every commit.
    pub epoch: Epoch,
    /// The latest point in time the store has seen; a node's clock must not
    /// start before it.
    pub seen: Millis,
}
