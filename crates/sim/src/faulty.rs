//! A store that fails as real ones do, around the one in memory, which
//! survives every crash of a run. One for each boot; all share the faults.

use crate::chance::Chance;
use crate::log::Log;
use crate::plan::{CommitFault, Plan};
use greenroom_journal::{
    Arrivals, AskRow, Commit, Count, DeadLetter, Done, Error, Imported, Journal, Lease,
    LetterListing, Listing, Loaded, Memory, Outcome, PlaceRow, Places, ProcessRow, Refusal, Scope,
    StateRow, TraceListing, TraceTurn,
};
use greenroom_model::budget::Account;
use greenroom_model::{BlobRef, Epoch, Millis, ProcessId, ProcessNo};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a read that was made to fail says.
pub const READ_FAILED: &str = "a read failed";

/// What the boots of a run share: the faults to come, and what was written.
pub struct Faults {
    inner: Mutex<Inner>,
    /// All that was written.
    pub log: Arc<Mutex<Log>>,
}

struct Inner {
    plan: Plan,
    chance: Chance,
    commits: u64,
    faults_left: u32,
    crash: bool,
    last: Option<(usize, Option<CommitFault>)>,
}

impl Faults {
    /// The faults of a plan.
    pub fn new(plan: &Plan) -> Faults {
        let faults_left = plan.weather.as_ref().map_or(0, |weather| weather.faults_max);
        let chance = Chance::new(plan.seed ^ 0xFA17);
        let inner =
            Inner { plan: plan.clone(), chance, commits: 0, faults_left, crash: false, last: None };
        Faults { inner: Mutex::new(inner), log: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many group commits there have been.
    pub fn commits(&self) -> u64 {
        self.lock().commits
    }

    /// Whether the node is to crash now; asked after every action.
    pub fn take_crash(&self) -> bool {
        std::mem::take(&mut self.lock().crash)
    }

    /// The size of the last group, and what happened to it.
    pub fn take_last(&self) -> Option<(usize, Option<CommitFault>)> {
        self.lock().last.take()
    }

    /// Draws whether something goes wrong here, of which a run may have so many.
    pub fn strikes(&self, per_mille: impl FnOnce(&crate::plan::Weather) -> u64) -> bool {
        let mut inner = self.lock();
        let Some(weather) = &inner.plan.weather else { return false };
        let per_mille = per_mille(weather);
        let struck = inner.faults_left > 0 && inner.chance.hit(per_mille);
        inner.faults_left -= u32::from(struck);
        struck
    }

    /// No more faults: the run is being looked at.
    pub fn end(&self) {
        let mut inner = self.lock();
        inner.plan = Plan::calm(inner.plan.seed);
        inner.faults_left = 0;
    }

    fn commit_fault(&self, size: usize) -> (Option<CommitFault>, usize) {
        let struck = self.strikes(|weather| weather.commit);
        let mut inner = self.lock();
        let number = inner.commits;
        inner.commits += 1;
        let place = inner.chance.place(CommitFault::ALL.len());
        let torn_at = inner.chance.place(size.max(1));
        let planned = inner.plan.commit_faults.get(&number).copied();
        let fault = planned.or(struck.then(|| CommitFault::ALL[place]));
        let crashes = [CommitFault::WrittenThenCrash, CommitFault::TornThenCrash];
        inner.crash |= fault.is_some_and(|fault| crashes.contains(&fault));
        inner.last = Some((size, fault));
        (fault, torn_at)
    }
}

/// The store as one boot sees it.
pub struct Faulty {
    store: Memory,
    faults: Arc<Faults>,
    /// A commit of this boot was refused because another has the lease.
    pub fenced: AtomicBool,
}

impl Faulty {
    /// The store of one boot.
    pub fn new(store: Memory, faults: Arc<Faults>) -> Faulty {
        Faulty { store, faults, fenced: AtomicBool::new(false) }
    }

    fn write(&self, group: &[Commit]) -> Result<Vec<Outcome>, Error> {
        let outcomes = self.store.commit(group)?;
        let mut log = self.faults.log.lock().unwrap_or_else(PoisonError::into_inner);
        for (commit, outcome) in group.iter().zip(&outcomes) {
            log.note(commit, outcome);
            if matches!(outcome, Err(Refusal::Fenced { .. })) {
                self.fenced.store(true, Ordering::Release);
            }
        }
        Ok(outcomes)
    }

    fn reads(&self) -> Result<&Memory, Error> {
        if self.faults.strikes(|weather| weather.read) {
            return Err(Error::Unavailable { why: READ_FAILED.to_owned() });
        }
        Ok(&self.store)
    }
}

impl Journal for Faulty {
    fn commit(&self, group: &[Commit]) -> Result<Vec<Outcome>, Error> {
        let (fault, torn_at) = self.faults.commit_fault(group.len());
        let failed = |why: &str| Err(Error::Unavailable { why: why.to_owned() });
        match fault {
            None => self.write(group),
            Some(CommitFault::Error) => failed("nothing was written"),
            Some(CommitFault::LostAck | CommitFault::WrittenThenCrash) => {
                self.write(group)?;
                failed("the acknowledgement was lost")
            }
            Some(CommitFault::Torn | CommitFault::TornThenCrash) => {
                self.write(&group[..torn_at])?;
                failed("a part was written")
            }
        }
    }

    fn import(&self, epoch: Epoch, at: Millis, next: &mut Arrivals<'_>) -> Result<Imported, Error> {
        self.store.import(epoch, at, next)
    }

    fn acquire(&self, owner: &str, at: Millis) -> Result<Lease, Error> {
        self.store.acquire(owner, at)
    }

    fn find(&self, id: &ProcessId) -> Result<Option<ProcessRow>, Error> {
        self.reads()?.find(id)
    }

    fn load(&self, no: ProcessNo, scope: Scope) -> Result<Option<Loaded>, Error> {
        self.reads()?.load(no, scope)
    }

    fn list(&self, listing: &Listing) -> Result<Vec<ProcessRow>, Error> {
        self.reads()?.list(listing)
    }

    // Recovery waits for the store on a real clock, so this one never fails.
    fn runnable(&self, after: ProcessNo, limit: usize) -> Result<Vec<ProcessNo>, Error> {
        self.store.runnable(after, limit)
    }

    fn due(
        &self,
        after: (Millis, ProcessNo),
        limit: usize,
    ) -> Result<Vec<(Millis, ProcessNo)>, Error> {
        self.reads()?.due(after, limit)
    }

    fn state(&self, no: ProcessNo) -> Result<Vec<StateRow>, Error> {
        self.reads()?.state(no)
    }

    fn asks(&self, process: Option<&ProcessId>) -> Result<Vec<AskRow>, Error> {
        self.reads()?.asks(process)
    }

    fn places(&self, places: &Places) -> Result<Vec<PlaceRow>, Error> {
        self.reads()?.places(places)
    }

    fn letters(&self, listing: &LetterListing) -> Result<Vec<DeadLetter>, Error> {
        self.reads()?.letters(listing)
    }

    fn trace(&self, listing: &TraceListing) -> Result<Vec<TraceTurn>, Error> {
        self.reads()?.trace(listing)
    }

    fn account(&self, id: &ProcessId) -> Result<Vec<Account>, Error> {
        self.reads()?.account(id)
    }

    fn census(&self) -> Result<Vec<Count>, Error> {
        self.reads()?.census()
    }

    fn request(&self, key: &str, at: Millis) -> Result<Option<Done>, Error> {
        self.reads()?.request(key, at)
    }

    fn put_blob(&self, text: &str) -> Result<BlobRef, Error> {
        self.reads()?.put_blob(text)
    }

    fn get_blob(&self, blob: &BlobRef) -> Result<String, Error> {
        self.reads()?.get_blob(blob)
    }

    fn verify(&self, progress: &mut dyn FnMut(usize)) -> Result<Vec<String>, Error> {
        self.store.verify(progress)
    }

    fn describe(&self) -> String {
        "faulty memory:".to_owned()
    }
}
