//! The budgets in use, as this node knows them: what the store holds, what is
//! on its way there, and who waits for more. Memory only: what it forgets it
//! reads again.
//!
//! Who waits stands in one line, of the account and the resource it is short of.
//! When there is enough, the first is admitted: what it needs is held for it,
//! and it is woken. At the end of each visit its process says what it waits for
//! still ([`Accounts::stands`]): an operation that is not among that gives up
//! its place, or what was held for it, so that nobody waits behind a ghost.

mod lines;
mod on_their_way;

use greenroom_journal::Journal;
use greenroom_model::budget::{Account, Books, Resource, Short, Spend};
use greenroom_model::{Need, Op, ProcessId, ProcessNo};
use lines::{Lines, Place, Waiter, Who};
use on_their_way::{OnTheirWay, Share};
use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many accounts are kept in memory that nobody is using now, about.
const KEPT_MAX: usize = 10_000;

type Wake = Box<dyn Fn(ProcessNo) + Send + Sync>;

pub(crate) struct Accounts {
    journal: Arc<dyn Journal>,
    wake: Wake,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    books: Books,
    on_their_way: OnTheirWay,
    lines: Lines,
    /// Accounts that envelopes name and the store has not got: an import brings none.
    absent: HashSet<ProcessId>,
    /// How many accounts there may be before those are forgotten that nobody uses.
    kept_max: usize,
}

/// Something that will be paid by a commit on its way. Until it is dropped,
/// nobody else can have it.
pub struct Hold {
    accounts: Arc<Accounts>,
    shares: Vec<Share>,
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Hold").field(&self.shares).finish()
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if !self.shares.is_empty() {
            self.accounts.settle(&[], std::mem::take(&mut self.shares));
        }
    }
}

/// Why something cannot be set aside.
#[derive(Debug)]
pub(crate) enum Unpaid {
    /// There is too little left.
    Short,
    /// The store could not be read just now.
    Unknown,
}

/// Whether an operation has to wait for its budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    No,
    /// Its process is woken when there is more.
    Yes,
    /// The store could not be read: it has to be looked at again.
    Unknown,
}

impl Inner {
    /// Sets so much aside, if there is so much.
    fn hold(&mut self, no: ProcessNo, id: &ProcessId, spend: Spend) -> Result<Vec<Share>, Short> {
        self.books.affords(id, spend, |payer| self.on_their_way.of(no, payer))?;
        Ok(self.on_their_way.hold(&self.books, no, id, (spend, Spend::default())))
    }

    /// Looks where an operation belongs now. `true`: not where it stood.
    fn place(&mut self, who: Who, need: &Need) -> bool {
        if self.lines.get(&who).is_some_and(Waiter::is_admitted) {
            return false;
        }
        let held = self.hold(who.0, &need.account, need.spend);
        let known = self.lines.get(&who);
        if held.as_ref().err().is_some_and(|short| known.is_some_and(|one| one.stands(short))) {
            return false;
        }
        let before = self.lines.remove(&who);
        self.lines.put(who, before, need.clone(), held);
        true
    }

    /// Looks again at one that waits.
    fn place_again(&mut self, who: Who, woken: &mut Vec<ProcessNo>) -> bool {
        let need = self.lines.get(&who).map(|waiter| waiter.need.clone());
        let moved = need.is_some_and(|need| self.place(who, &need));
        if moved && self.lines.get(&who).is_some_and(Waiter::is_admitted) {
            woken.push(who.0);
        }
        moved
    }

    /// Admits those at an account for whom there is enough now, in order. Who needs
    /// more, or something else, holds up nobody; who is short elsewhere by now goes
    /// there.
    fn admit(&mut self, at: &ProcessId, woken: &mut Vec<ProcessNo>) {
        for resource in self.lines.short_of(at) {
            while let Some(who) = self.first(at, resource)
                && self.place_again(who, woken)
            {}
        }
    }

    fn first(&self, at: &ProcessId, resource: Resource) -> Option<Who> {
        let held = self.on_their_way.spent(at);
        let room = self.books.get(at)?.room(resource, held, Spend::default())?;
        self.lines.first(at, resource, room)
    }

    /// It waits no longer, and what was held for it is for others.
    fn leave(&mut self, who: Who, woken: &mut Vec<ProcessNo>) {
        let shares = self.take_admission(who);
        self.lines.remove(&who);
        shares.iter().for_each(|share| self.admit(&share.payer, woken));
    }

    /// What is held for one that was admitted is held for it no longer.
    fn take_admission(&mut self, who: Who) -> Vec<Share> {
        if !self.lines.get(&who).is_some_and(Waiter::is_admitted) {
            return Vec::new();
        }
        match self.lines.remove(&who).map(|waiter| waiter.place) {
            Some(Place::Admitted(shares)) => {
                shares.iter().for_each(|share| self.on_their_way.release(share));
                shares
            }
            _ => Vec::new(),
        }
    }

    /// Those who wait at an account that does not pay for them any more: it is
    /// closed, so it pays for all of a line or for none.
    fn moving_from(&self, at: &ProcessId) -> Vec<Who> {
        let moves = |resource: &Resource| {
            let one = self.lines.first(at, *resource, u64::MAX)?;
            let payer = self.books.payer(&self.lines.get(&one)?.need.account, *resource)?;
            Some(payer.id != *at)
        };
        match self.lines.short_of(at).any(|resource| moves(&resource) == Some(true)) {
            true => self.lines.at(at),
            false => Vec::new(),
        }
    }

    /// Forgets accounts that nobody uses or waits for, if there are many. Not again
    /// before there are twice as many.
    fn prune(&mut self) {
        if self.books.len() + self.absent.len() <= self.kept_max.max(KEPT_MAX) {
            return;
        }
        let needed = self.lines.waiters().map(|waiter| &waiter.need.account);
        let mut kept: HashSet<ProcessId> = HashSet::new();
        for id in self.on_their_way.payers().chain(needed) {
            for account in self.books.chain(id) {
                if !kept.insert(account.id.clone()) {
                    break;
                }
            }
        }
        self.books.retain(|account| kept.contains(&account.id));
        self.absent.clear();
        self.kept_max = 2 * self.books.len();
    }
}

impl Accounts {
    pub fn new(journal: Arc<dyn Journal>, wake: Wake) -> Accounts {
        Accounts { journal, wake, inner: Mutex::default() }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self, inner: MutexGuard<'_, Inner>, woken: Vec<ProcessNo>) {
        drop(inner);
        woken.into_iter().for_each(|no| (self.wake)(no));
    }

    /// With the account and all above it at hand; `None`: the store could not be
    /// read.
    fn with(&self, id: &ProcessId) -> Option<MutexGuard<'_, Inner>> {
        let inner = self.inner();
        let missing = inner.books.missing(id).filter(|missing| !inner.absent.contains(missing));
        if missing.is_none() {
            return Some(inner);
        }
        drop(inner);
        let chain = self.journal.account(id).ok()?;
        let mut inner = self.inner();
        inner.prune();
        chain.into_iter().for_each(|account| inner.books.insert(account));
        // Asked for once: itself, or one above it.
        let missing = inner.books.missing(id);
        inner.absent.extend(missing);
        Some(inner)
    }

    /// Sets so much aside for what an operation does with a commit to come.
    ///
    /// # Errors
    /// What there is too little of.
    pub fn hold(self: &Arc<Self>, who: Who, id: &ProcessId, spend: Spend) -> Result<Hold, Unpaid> {
        let mut inner = self.with(id).ok_or(Unpaid::Unknown)?;
        let (admission, mut woken) = (inner.take_admission(who), Vec::new());
        let held = inner.hold(who.0, id, spend);
        admission.iter().for_each(|share| inner.admit(&share.payer, &mut woken));
        self.wake(inner, woken);
        let shares = held.map_err(|_| Unpaid::Short)?;
        Ok(Hold { accounts: self.clone(), shares })
    }

    /// The same for what is no operation of a durable process.
    ///
    /// # Errors
    /// What there is too little of.
    pub fn hold_for_nobody(self: &Arc<Self>, id: &ProcessId, spend: Spend) -> Result<Hold, Unpaid> {
        self.hold((ProcessNo(0), Op(0)), id, spend)
    }

    /// The same for what cannot be helped, whether there is so much or not; and for
    /// what comes back.
    pub fn hold_anyway(
        self: &Arc<Self>,
        no: ProcessNo,
        id: &ProcessId,
        (spent, back): (Spend, Spend),
    ) -> Hold {
        let shares = self.with(id).map(|mut inner| {
            let Inner { books, on_their_way, .. } = &mut *inner;
            on_their_way.hold(books, no, id, (spent, back))
        });
        Hold { accounts: self.clone(), shares: shares.unwrap_or_default() }
    }

    /// How many messages could be paid for; `None`: any number.
    ///
    /// # Errors
    /// The store could not be read.
    pub fn messages_left(&self, no: ProcessNo, id: &ProcessId) -> Result<Option<u64>, Unpaid> {
        let inner = self.with(id).ok_or(Unpaid::Unknown)?;
        let Some(payer) = inner.books.payer(id, Resource::Messages) else { return Ok(None) };
        let (held, back) = inner.on_their_way.of(no, &payer.id);
        Ok(Some(payer.room(Resource::Messages, held, back).unwrap_or_default()))
    }

    /// Whether anybody limits what this one may use up of a resource; `None`: the store could
    /// not be read.
    pub fn limits(&self, id: &ProcessId, resource: Resource) -> Option<bool> {
        Some(self.with(id)?.books.payer(id, resource).is_some())
    }

    /// Whether an operation has to wait for its budget.
    pub fn waits(&self, who: Who, need: &Need) -> Wait {
        let Some(mut inner) = self.with(&need.account) else { return Wait::Unknown };
        let mut woken = Vec::new();
        if inner.lines.get(&who).is_some_and(|known| known.need != *need) {
            inner.leave(who, &mut woken);
        }
        inner.place(who, need);
        let admitted = inner.lines.get(&who).is_some_and(Waiter::is_admitted);
        self.wake(inner, woken);
        if admitted { Wait::No } else { Wait::Yes }
    }

    /// Whether anything of a process stands in line.
    pub fn has_in_line(&self, no: ProcessNo) -> bool {
        !self.inner().lines.of(no).is_empty()
    }

    /// A process waits for this and for nothing else. `true`: it does wait.
    pub fn stands(&self, no: ProcessNo, needs: &BTreeMap<Op, Box<Need>>) -> bool {
        let (mut inner, mut woken, mut waits) = (self.inner(), Vec::new(), false);
        for who in inner.lines.of(no) {
            let known = inner.lines.get(&who).map(|waiter| &waiter.need);
            match known == needs.get(&who.1).map(|need| &**need) {
                true => waits = true,
                false => inner.leave(who, &mut woken),
            }
        }
        self.wake(inner, woken);
        waits
    }

    /// Whether an account is below another, or it itself; `None`: the store could not
    /// be read.
    pub fn is_below(&self, id: &ProcessId, above: &ProcessId) -> Option<bool> {
        Some(id == above || self.with(id)?.books.is_below(id, above))
    }

    /// What a commit has made of them: what was on its way with it has arrived. At
    /// once, so that nothing is seen twice or not at all.
    pub fn arrived(&self, accounts: &[Account], holds: Vec<Hold>) {
        let shares = |mut hold: Hold| std::mem::take(&mut hold.shares);
        let shares: Vec<Share> = holds.into_iter().flat_map(shares).collect();
        if !accounts.is_empty() || !shares.is_empty() {
            self.settle(accounts, shares);
        }
    }

    fn settle(&self, accounts: &[Account], shares: Vec<Share>) {
        let (mut inner, mut woken) = (self.inner(), Vec::new());
        for account in accounts {
            inner.absent.remove(&account.id);
            inner.books.insert(account.clone());
            let moving = if account.closed { inner.moving_from(&account.id) } else { Vec::new() };
            for who in moving {
                inner.place_again(who, &mut woken);
            }
        }
        shares.iter().for_each(|share| inner.on_their_way.release(share));
        let changed = accounts.iter().map(|account| &account.id);
        changed.chain(shares.iter().map(|share| &share.payer)).for_each(|id| {
            inner.admit(id, &mut woken);
        });
        inner.prune();
        self.wake(inner, woken);
    }

    /// An answer of the store was lost: what it said of accounts is not known.
    pub fn forget(&self) {
        let mut inner = self.inner();
        (inner.books, inner.absent) = (Books::default(), HashSet::new());
    }

    /// The account that is short of what an operation of a process needs.
    pub fn short_for(&self, no: ProcessNo) -> Option<ProcessId> {
        let inner = self.inner();
        let mut waiters = inner.lines.of(no).into_iter().filter_map(|who| inner.lines.get(&who));
        waiters.find_map(|waiter| match &waiter.place {
            Place::Waits { at, .. } => Some(at.clone()),
            Place::Admitted(_) => None,
        })
    }

    /// How many operations wait at each account that is short.
    pub fn short(&self) -> Vec<(Account, usize)> {
        let inner = self.inner();
        let mut waiting: BTreeMap<&ProcessId, usize> = BTreeMap::new();
        for waiter in inner.lines.waiters() {
            if let Place::Waits { at, .. } = &waiter.place {
                *waiting.entry(at).or_default() += 1;
            }
        }
        let known = |(id, count)| Some((inner.books.get(id)?.clone(), count));
        let mut short: Vec<(Account, usize)> = waiting.into_iter().filter_map(known).collect();
        short.sort_by(|(a, m), (b, n)| (n, &a.id).cmp(&(m, &b.id)));
        short
    }

    /// How many operations wait that this account, or one below it, is to pay for.
    pub fn waiting_below(&self, id: &ProcessId) -> usize {
        let inner = self.inner();
        let waits = |waiter: &&Waiter| {
            !waiter.is_admitted() && inner.books.is_below(&waiter.need.account, id)
        };
        inner.lines.waiters().filter(waits).count()
    }
}
