//! A store in memory with something done before or after what is asked of it.

use greenroom_runtime::journal::{
    Arrivals, AskRow, Commit, Count, DeadLetter, Done, Error, Imported, Journal, Lease,
    LetterListing, Listing, Loaded, Memory, Outcome, PlaceRow, Places, ProcessRow, Scope, StateRow,
    TraceListing, TraceTurn,
};
use greenroom_runtime::model::budget::Account;
use greenroom_runtime::model::{BlobRef, Epoch, Millis, ProcessId, ProcessNo};

pub type AtCommit = Box<dyn Fn(&[Commit]) -> Result<(), Error> + Send + Sync>;
pub type At = Box<dyn Fn() + Send + Sync>;

pub struct Hooks {
    pub store: Memory,
    pub before_commit: AtCommit,
    /// An error here is an answer that was lost.
    pub after_commit: AtCommit,
    pub before_blob: At,
    pub before_due: At,
    pub before_load: At,
}

impl Default for Hooks {
    fn default() -> Hooks {
        Hooks {
            store: Memory::new(),
            before_commit: Box::new(|_| Ok(())),
            after_commit: Box::new(|_| Ok(())),
            before_blob: Box::new(|| {}),
            before_due: Box::new(|| {}),
            before_load: Box::new(|| {}),
        }
    }
}

impl Journal for Hooks {
    fn commit(&self, group: &[Commit]) -> Result<Vec<Outcome>, Error> {
        (self.before_commit)(group)?;
        let outcomes = self.store.commit(group)?;
        (self.after_commit)(group)?;
        Ok(outcomes)
    }
    fn import(&self, epoch: Epoch, at: Millis, next: &mut Arrivals<'_>) -> Result<Imported, Error> {
        self.store.import(epoch, at, next)
    }
    fn acquire(&self, owner: &str, at: Millis) -> Result<Lease, Error> {
        self.store.acquire(owner, at)
    }
    fn find(&self, id: &ProcessId) -> Result<Option<ProcessRow>, Error> {
        self.store.find(id)
    }
    fn load(&self, no: ProcessNo, scope: Scope) -> Result<Option<Loaded>, Error> {
        (self.before_load)();
        self.store.load(no, scope)
    }
    fn list(&self, listing: &Listing) -> Result<Vec<ProcessRow>, Error> {
        self.store.list(listing)
    }
    fn runnable(&self, after: ProcessNo, limit: usize) -> Result<Vec<ProcessNo>, Error> {
        self.store.runnable(after, limit)
    }
    fn due(
        &self,
        after: (Millis, ProcessNo),
        limit: usize,
    ) -> Result<Vec<(Millis, ProcessNo)>, Error> {
        (self.before_due)();
        self.store.due(after, limit)
    }
    fn state(&self, no: ProcessNo) -> Result<Vec<StateRow>, Error> {
        self.store.state(no)
    }
    fn asks(&self, process: Option<&ProcessId>) -> Result<Vec<AskRow>, Error> {
        self.store.asks(process)
    }
    fn places(&self, places: &Places) -> Result<Vec<PlaceRow>, Error> {
        self.store.places(places)
    }
    fn letters(&self, listing: &LetterListing) -> Result<Vec<DeadLetter>, Error> {
        self.store.letters(listing)
    }

    fn trace(&self, listing: &TraceListing) -> Result<Vec<TraceTurn>, Error> {
        self.store.trace(listing)
    }

    fn account(&self, id: &ProcessId) -> Result<Vec<Account>, Error> {
        self.store.account(id)
    }

    fn census(&self) -> Result<Vec<Count>, Error> {
        self.store.census()
    }
    fn request(&self, key: &str, at: Millis) -> Result<Option<Done>, Error> {
        self.store.request(key, at)
    }
    fn put_blob(&self, text: &str) -> Result<BlobRef, Error> {
        (self.before_blob)();
        self.store.put_blob(text)
    }
    fn get_blob(&self, blob: &BlobRef) -> Result<String, Error> {
        self.store.get_blob(blob)
    }
    fn verify(&self, progress: &mut dyn FnMut(usize)) -> Result<Vec<String>, Error> {
        self.store.verify(progress)
    }
    fn describe(&self) -> String {
        self.store.describe()
    }
}
