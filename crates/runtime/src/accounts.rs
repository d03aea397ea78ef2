//! The budgets in use, as this node knows them: what the store holds, what is
//! on its way there, and who waits for more. Memory only: what it forgets it
//! reads again.

use greenroom_journal::Journal;
use greenroom_model::budget::{Account, Books, Short, Spend};
use greenroom_model::{Need, Op, ProcessId, ProcessNo};
use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many accounts are kept in memory that nobody is using now.
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
    /// What is on its way to the store, of the accounts that pay: to be used up,
    /// and to come back.
    on_its_way: HashMap<ProcessId, (Spend, Spend)>,
    /// Who waits for more, in order, at the account that is short.
    lines: HashMap<ProcessId, VecDeque<Waiting>>,
    /// In which line each stands.
    waiting: HashMap<(ProcessNo, Op), ProcessId>,
    /// Accounts that envelopes name and the store has not got: an import brings none.
    absent: HashSet<ProcessId>,
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

struct Waiting {
    who: (ProcessNo, Op),
    need: Need,
}

/// Something that will be paid by a commit on its way. Until it is dropped,
/// nobody else can have it.
pub struct Hold {
    accounts: Arc<Accounts>,
    shares: Vec<Share>,
}

/// Who pays how much of it, and gets how much back.
#[derive(Debug)]
struct Share {
    payer: ProcessId,
    spent: Spend,
    back: Spend,
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

impl Inner {
    fn affords(&self, id: &ProcessId, spend: Spend) -> Result<(), Short> {
        self.books.affords(id, spend, |id| self.on_its_way.get(id).copied().unwrap_or_default())
    }

    /// Notes that it is on its way, with those who pay.
    fn hold(&mut self, id: &ProcessId, spent: Spend, back: Spend) -> Vec<Share> {
        let mut shares: Vec<Share> = Vec::new();
        for (payer, spent) in self.books.shares(id, spent) {
            shares.push(Share { payer, spent, back: Spend::default() });
        }
        for (payer, back) in self.books.shares(id, back) {
            shares.push(Share { payer, spent: Spend::default(), back });
        }
        for share in &shares {
            let (spent, back) = self.on_its_way.entry(share.payer.clone()).or_default();
            (*spent, *back) = (spent.plus(share.spent), back.plus(share.back));
        }
        shares
    }

    fn release(&mut self, share: &Share) {
        if let Some((spent, back)) = self.on_its_way.get_mut(&share.payer) {
            (*spent, *back) = (spent.minus(share.spent), back.minus(share.back));
            if spent.is_zero() && back.is_zero() {
                self.on_its_way.remove(&share.payer);
            }
        }
    }

    /// Those in line at an account for whom there is enough now, in order. Who needs
    /// more, or something else, holds up nobody; who is short elsewhere by now goes
    /// there.
    fn admit(&mut self, id: &ProcessId) -> Vec<ProcessNo> {
        let Some(line) = self.lines.remove(id) else { return Vec::new() };
        let (mut admitted, mut promised) = (Vec::new(), Vec::new());
        for Waiting { who, need } in line {
            match self.affords(&need.account, need.spend) {
                Ok(()) => {
                    // Until they all have looked, it is as if they had taken it.
                    promised.extend(self.hold(&need.account, need.spend, Spend::default()));
                    self.waiting.remove(&who);
                    admitted.push(who.0);
                }
                Err(short) => self.line_up(short.account, Waiting { who, need }),
            }
        }
        promised.iter().for_each(|share| self.release(share));
        admitted
    }

    fn line_up(&mut self, at: ProcessId, waiting: Waiting) {
        self.waiting.insert(waiting.who, at.clone());
        self.lines.entry(at).or_default().push_back(waiting);
    }

    /// It waits no longer. Gives back the line it stood in.
    fn leave(&mut self, who: (ProcessNo, Op)) -> Option<ProcessId> {
        let at = self.waiting.remove(&who)?;
        if let Some(line) = self.lines.get_mut(&at) {
            line.retain(|one| one.who != who);
            if line.is_empty() {
                self.lines.remove(&at);
            }
        }
        Some(at)
    }

    /// Forgets accounts that nobody uses or waits for, if there are many.
    fn prune(&mut self) {
        if self.books.len() + self.absent.len() <= KEPT_MAX {
            return;
        }
        let needed = self.lines.values().flatten().map(|waiting| &waiting.need.account);
        let used: Vec<&ProcessId> = self.on_its_way.keys().chain(needed).collect();
        let chains = used.into_iter().flat_map(|id| self.books.chain(id));
        let kept: HashSet<ProcessId> = chains.map(|account| account.id).collect();
        self.books.retain(|account| kept.contains(&account.id));
        self.absent.clear();
    }
}

impl Accounts {
    pub fn new(journal: Arc<dyn Journal>, wake: Wake) -> Accounts {
        Accounts { journal, wake, inner: Mutex::default() }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// Sets so much aside for a commit to come.
    ///
    /// # Errors
    /// What there is too little of.
    pub fn hold(self: &Arc<Self>, id: &ProcessId, spend: Spend) -> Result<Hold, Unpaid> {
        let mut inner = self.with(id).ok_or(Unpaid::Unknown)?;
        inner.affords(id, spend).map_err(|_| Unpaid::Short)?;
        let shares = inner.hold(id, spend, Spend::default());
        Ok(Hold { accounts: self.clone(), shares })
    }

    /// The same for what cannot be helped, whether there is so much or not; and for
    /// what comes back, which others may have at once.
    pub fn hold_anyway(self: &Arc<Self>, id: &ProcessId, spent: Spend, back: Spend) -> Hold {
        let shares = self.with(id).map(|mut inner| inner.hold(id, spent, back));
        Hold { accounts: self.clone(), shares: shares.unwrap_or_default() }
    }

    /// How many messages could be paid for; `None`: any number.
    ///
    /// # Errors
    /// The store could not be read.
    pub fn messages_left(&self, id: &ProcessId) -> Result<Option<u64>, Unpaid> {
        let inner = self.with(id).ok_or(Unpaid::Unknown)?;
        let resource = greenroom_model::budget::Resource::Messages;
        let Some(payer) = inner.books.payer(id, resource) else { return Ok(None) };
        let (held, back) = inner.on_its_way.get(&payer.id).copied().unwrap_or_default();
        Ok(payer.left_with(resource, held, back))
    }

    /// Whether an operation has to wait for its budget.
    pub fn waits(&self, no: ProcessNo, op: Op, need: &Need) -> Wait {
        let Some(mut inner) = self.with(&need.account) else { return Wait::Unknown };
        let who = (no, op);
        match inner.affords(&need.account, need.spend) {
            Ok(()) => {
                inner.leave(who);
                Wait::No
            }
            // It keeps its place.
            Err(short) if inner.waiting.get(&who) == Some(&short.account) => Wait::Yes,
            Err(short) => {
                inner.leave(who);
                inner.line_up(short.account, Waiting { who, need: need.clone() });
                Wait::Yes
            }
        }
    }

    /// An operation waits no longer: those behind it may go on.
    pub fn gave_up(&self, no: ProcessNo, op: Op) {
        let mut inner = self.inner();
        let Some(at) = inner.leave((no, op)) else { return };
        let admitted = inner.admit(&at);
        drop(inner);
        admitted.into_iter().for_each(|no| (self.wake)(no));
    }

    /// Whether an account is below another, or it itself; `None`: the store could not
    /// be read.
    pub fn is_below(&self, id: &ProcessId, above: &ProcessId) -> Option<bool> {
        Some(id == above || self.with(id)?.books.chain(id).iter().any(|one| one.id == *above))
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
        let mut inner = self.inner();
        for account in accounts {
            inner.absent.remove(&account.id);
            inner.books.insert(account.clone());
        }
        shares.iter().for_each(|share| inner.release(share));
        let changed = accounts.iter().map(|account| &account.id);
        inner.prune();
        let mut admitted = Vec::new();
        for id in changed.chain(shares.iter().map(|share| &share.payer)) {
            admitted.extend(inner.admit(id));
        }
        drop(inner);
        admitted.into_iter().for_each(|no| (self.wake)(no));
    }

    /// An answer of the store was lost: what it said of accounts is not known.
    pub fn forget(&self) {
        let mut inner = self.inner();
        (inner.books, inner.absent) = (Books::default(), HashSet::new());
    }

    /// How many operations wait at each account that is short.
    pub fn short(&self) -> Vec<(Account, usize)> {
        let inner = self.inner();
        let lines = inner.lines.iter();
        let mut short: Vec<(Account, usize)> = lines
            .filter_map(|(id, line)| Some((inner.books.get(id)?.clone(), line.len())))
            .collect();
        short.sort_by(|(a, m), (b, n)| (n, &a.id).cmp(&(m, &b.id)));
        short
    }
}
