//! The store in SQL: each call of the trait as one transaction or snapshot.

use super::dialect::{Dialect, Tx};
use super::header::Meta;
use super::stretch::Stretches;
use super::{
    account, ask, commit, dead, import, lease, list, load, place, process, request, state, trace,
    verify,
};
use crate::blob::{self, Directory};
use crate::{
    Arrivals, AskRow, Commit, Count, DeadLetter, Done, Error, Imported, Journal, Lease,
    LetterListing, Listing, Loaded, Outcome, PlaceRow, Places, ProcessRow, Scope, StateRow,
    TraceListing, TraceTurn,
};
use greenroom_model::budget::Account;
use greenroom_model::{BlobRef, Epoch, Millis, ProcessId, ProcessNo};

/// A store in the database `D`, with its blobs in a directory.
pub struct SqlStore<D> {
    dialect: D,
    stretches: Stretches,
    blobs: Directory,
}

impl<D> SqlStore<D> {
    /// Puts the two together.
    pub(crate) fn new(dialect: D, blobs: Directory) -> SqlStore<D> {
        SqlStore { dialect, stretches: Stretches::default(), blobs }
    }
}

impl<D: Dialect> Journal for SqlStore<D> {
    fn commit(&self, group: &[Commit]) -> Result<Vec<Outcome>, Error> {
        self.dialect.write(|tx| commit::group(tx, group))
    }

    fn import(&self, epoch: Epoch, at: Millis, next: &mut Arrivals<'_>) -> Result<Imported, Error> {
        self.dialect.write(|tx| import::all(tx, epoch, at, next))
    }

    fn acquire(&self, owner: &str, at: Millis) -> Result<Lease, Error> {
        self.dialect.claim(owner)?;
        self.dialect.write(|tx| lease::acquire(tx, owner, at))
    }

    fn find(&self, id: &ProcessId) -> Result<Option<ProcessRow>, Error> {
        let Some(mut kept) = self.dialect.read(|tx| process::by_id(tx, id))? else {
            return Ok(None);
        };
        blob::fetch_exit(self, &mut kept.row.exit)?;
        Ok(Some(kept.row))
    }

    fn load(&self, no: ProcessNo, scope: Scope) -> Result<Option<Loaded>, Error> {
        let Some(mut loaded) = self.dialect.read(|tx| load::load(tx, no, scope))? else {
            return Ok(None);
        };
        blob::fetch_loaded(self, &mut loaded)?;
        Ok(Some(loaded))
    }

    fn list(&self, listing: &Listing) -> Result<Vec<ProcessRow>, Error> {
        self.dialect.read(|tx| list::processes(tx, listing))
    }

    fn runnable(&self, after: ProcessNo, limit: usize) -> Result<Vec<ProcessNo>, Error> {
        self.dialect.read(|tx| list::runnable(tx, after, limit))
    }

    fn due(
        &self,
        after: (Millis, ProcessNo),
        limit: usize,
    ) -> Result<Vec<(Millis, ProcessNo)>, Error> {
        self.dialect.read(|tx| list::due(tx, after, limit))
    }

    fn state(&self, no: ProcessNo) -> Result<Vec<StateRow>, Error> {
        let mut rows = self.dialect.read(|tx| state::list(tx, no))?;
        rows.iter_mut().try_for_each(|row| blob::fetch(self, &mut row.value))?;
        Ok(rows)
    }

    fn asks(&self, process: Option<&ProcessId>) -> Result<Vec<AskRow>, Error> {
        self.dialect.read(|tx| ask::list(tx, process))
    }

    fn places(&self, places: &Places) -> Result<Vec<PlaceRow>, Error> {
        self.dialect.read(|tx| place::list(tx, places))
    }

    fn letters(&self, listing: &LetterListing) -> Result<Vec<DeadLetter>, Error> {
        self.dialect.read(|tx| dead::list(tx, listing))
    }

    fn trace(&self, listing: &TraceListing) -> Result<Vec<TraceTurn>, Error> {
        self.dialect.read(|tx| trace::page(tx, &self.stretches, listing))
    }

    fn census(&self) -> Result<Vec<Count>, Error> {
        self.dialect.read(list::census)
    }

    fn account(&self, id: &ProcessId) -> Result<Vec<Account>, Error> {
        let wanted = std::collections::BTreeSet::from([id.clone()]);
        Ok(self.dialect.read(|tx| account::read(tx, wanted))?.chain(id).cloned().collect())
    }

    fn request(&self, key: &str, at: Millis) -> Result<Option<Done>, Error> {
        let found = self.dialect.read(|tx| request::known(tx, &[key]))?;
        let kept = found.into_values().filter(|kept| kept.until > at);
        Ok(kept.map(|kept| kept.done).next())
    }

    fn put_blob(&self, text: &str) -> Result<BlobRef, Error> {
        self.blobs.put(text)
    }

    fn get_blob(&self, blob: &BlobRef) -> Result<String, Error> {
        self.blobs.get(blob)
    }

    fn verify(&self, progress: &mut dyn FnMut(usize)) -> Result<Vec<String>, Error> {
        let mut found = self.dialect.check_files()?;
        let (mut after, mut done) = (ProcessNo(0), 0);
        loop {
            let page = match self.dialect.read(|tx| verify::page(tx, after)) {
                Ok(page) => page,
                Err(error) => {
                    verify::note(error, &mut found)?;
                    break;
                }
            };
            let Some(last) = page.last() else { break };
            after = *last;
            for no in page {
                verify::process(self, no, &mut found)?;
                done += 1;
                progress(done);
            }
        }
        found.extend(self.dialect.read(verify::tables)?);
        Ok(found)
    }

    fn describe(&self) -> String {
        self.dialect.describe()
    }
}

/// Fills the tables of a new store.
pub(crate) fn begin(tx: &mut dyn Tx) -> Result<(), Error> {
    Meta::begin(tx)?;
    lease::begin(tx)
}

/// Whether this binary can read the store.
pub(crate) fn check_format(tx: &mut dyn Tx) -> Result<(), Error> {
    Meta::read(tx).map(|_| ())
}
