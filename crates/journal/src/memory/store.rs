//! The handle on the store in memory. Its clones share one store: a node that
//! is dropped and another that is opened on a clone are a crash and a restart.

use super::world::World;
use super::{apply, hub, import, read};
use crate::{
    Arrivals, AskRow, Commit, Count, DeadLetter, Done, Error, Imported, Journal, Lease,
    LetterListing, Listing, Loaded, Outcome, PlaceRow, Places, ProcessRow, Scope, StateRow,
    TraceListing, TraceTurn, blob,
};
use greenroom_model::budget::Account;
use greenroom_model::{BlobRef, Epoch, Millis, ProcessId, ProcessNo, Shard};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A store that lives as long as its last clone.
#[derive(Clone, Default)]
pub struct Memory {
    world: Arc<Mutex<World>>,
}

impl Memory {
    /// An empty store.
    pub fn new() -> Memory {
        Memory::default()
    }

    fn world(&self) -> MutexGuard<'_, World> {
        // A panic elsewhere cannot leave half a commit: nothing in here panics.
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Journal for Memory {
    fn commit(&self, group: &[Commit]) -> Result<Vec<Outcome>, Error> {
        let mut world = self.world();
        Ok(group.iter().map(|commit| apply::commit(&mut world, commit)).collect())
    }

    fn import(&self, epoch: Epoch, at: Millis, next: &mut Arrivals<'_>) -> Result<Imported, Error> {
        import::at_once(self, epoch, at, next)
    }

    fn acquire(&self, _owner: &str, at: Millis) -> Result<Lease, Error> {
        let mut world = self.world();
        let epoch = Epoch(world.epochs.values().map(|epoch| epoch.0).max().unwrap_or(0) + 1);
        world.epochs = (0..Shard::COUNT).map(|shard| (Shard(shard), epoch)).collect();
        let seen = world.seen;
        world.seen = seen.max(at);
        Ok(Lease { epoch, seen })
    }

    fn find(&self, id: &ProcessId) -> Result<Option<ProcessRow>, Error> {
        let row = self.world().named(id).map(|(no, process)| read::row(no, process));
        row.map(|mut row| blob::fetch_exit(self, &mut row.exit).map(|()| row)).transpose()
    }

    fn load(&self, no: ProcessNo, scope: Scope) -> Result<Option<Loaded>, Error> {
        let world = self.world();
        let Some(process) = world.processes.get(&no) else {
            return Ok(None);
        };
        let turns = read::turns(process, scope)?;
        let mailbox = process.mailbox.values().cloned().collect();
        let mut loaded = Loaded { row: read::row(no, process), turns, mailbox };
        drop(world);
        blob::fetch_loaded(self, &mut loaded)?;
        Ok(Some(loaded))
    }

    fn list(&self, listing: &Listing) -> Result<Vec<ProcessRow>, Error> {
        Ok(read::list(&self.world(), listing))
    }

    fn runnable(&self, after: ProcessNo, limit: usize) -> Result<Vec<ProcessNo>, Error> {
        Ok(read::runnable(&self.world(), after, limit))
    }

    fn due(
        &self,
        after: (Millis, ProcessNo),
        limit: usize,
    ) -> Result<Vec<(Millis, ProcessNo)>, Error> {
        Ok(read::due(&self.world(), after, limit))
    }

    fn state(&self, no: ProcessNo) -> Result<Vec<StateRow>, Error> {
        let mut rows = read::state(&self.world(), no);
        rows.iter_mut().try_for_each(|row| blob::fetch(self, &mut row.value))?;
        Ok(rows)
    }

    fn asks(&self, process: Option<&ProcessId>) -> Result<Vec<AskRow>, Error> {
        Ok(read::asks(&self.world(), process))
    }

    fn places(&self, places: &Places) -> Result<Vec<PlaceRow>, Error> {
        Ok(hub::list(&self.world(), places))
    }

    fn letters(&self, listing: &LetterListing) -> Result<Vec<DeadLetter>, Error> {
        Ok(read::letters(&self.world(), listing))
    }

    fn trace(&self, listing: &TraceListing) -> Result<Vec<TraceTurn>, Error> {
        read::trace(&self.world(), listing)
    }

    fn census(&self) -> Result<Vec<Count>, Error> {
        Ok(read::census(&self.world()))
    }

    fn account(&self, id: &ProcessId) -> Result<Vec<Account>, Error> {
        Ok(self.world().accounts.chain(id).cloned().collect())
    }

    fn request(&self, key: &str, at: Millis) -> Result<Option<Done>, Error> {
        let world = self.world();
        let kept = world.requests.get(key).filter(|(_, until)| *until > at);
        Ok(kept.map(|(done, _)| done.clone()))
    }

    fn put_blob(&self, text: &str) -> Result<BlobRef, Error> {
        let blob = blob::name(text);
        self.world().blobs.entry(blob.hash.clone()).or_insert_with(|| text.to_owned());
        Ok(blob)
    }

    fn get_blob(&self, blob: &BlobRef) -> Result<String, Error> {
        let missing = || Error::Blob { hash: blob.hash.clone(), directory: "memory:".into() };
        self.world().blobs.get(&blob.hash).cloned().ok_or_else(missing)
    }

    fn verify(&self, progress: &mut dyn FnMut(usize)) -> Result<Vec<String>, Error> {
        let world = self.world();
        let mut found = Vec::new();
        for (done, process) in world.processes.values().enumerate() {
            if let Err(error) = read::turns(process, Scope::Whole) {
                found.push(error.to_string());
            }
            progress(done + 1);
        }
        Ok(found)
    }

    fn describe(&self) -> String {
        "memory:".to_owned()
    }
}
