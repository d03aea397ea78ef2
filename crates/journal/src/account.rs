//! What a commit does with budgets: what is used up is noted in the same
//! transaction as what used it up. Knows no storage.

use greenroom_model::ProcessId;
use greenroom_model::budget::{Books, Budget, Spend};

/// One thing a commit does with an account. What it does not find it leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountWork {
    /// A process that the commit starts gets a budget, unless it was there.
    Open {
        /// The process, whose name the account has.
        id: ProcessId,
        /// The account it is reserved from.
        parent: Option<ProcessId>,
        /// How much.
        limits: Budget,
        /// Its place among the commit's spawns.
        spawn: usize,
    },
    /// Something was used up, whether there was so much left or not.
    Spend {
        /// Whose.
        account: ProcessId,
        /// How much.
        spent: Spend,
        /// How much was given back.
        back: Spend,
    },
    /// A message for each process that a publish of the commit reaches.
    Told {
        /// Whose.
        account: ProcessId,
        /// Its place among the commit's publishes.
        publish: usize,
    },
    /// Its process has ended for good.
    Close {
        /// Whose.
        account: ProcessId,
    },
    /// A person gives more.
    Raise {
        /// Whose.
        account: ProcessId,
        /// How much more.
        by: Budget,
    },
}

impl AccountWork {
    /// The accounts that must be at hand, with those above each.
    pub(crate) fn names(&self) -> Vec<&ProcessId> {
        match self {
            AccountWork::Open { id, parent, .. } => {
                std::iter::once(id).chain(parent.as_ref()).collect()
            }
            AccountWork::Spend { account, .. }
            | AccountWork::Told { account, .. }
            | AccountWork::Close { account }
            | AccountWork::Raise { account, .. } => vec![account],
        }
    }

    /// Does it, once all else of the commit is done. `created`: whether the
    /// process of a spawn is new. `told`: how many a publish has reached.
    pub(crate) fn apply(
        &self,
        books: &mut Books,
        created: impl Fn(usize) -> bool,
        told: impl Fn(usize) -> u64,
    ) {
        match self {
            AccountWork::Open { id, parent, limits, spawn } => {
                if created(*spawn) {
                    books.open(id, parent.as_ref(), *limits);
                }
            }
            AccountWork::Spend { account, spent, back } => books.spend(account, *spent, *back),
            AccountWork::Told { account, publish } => {
                books.spend(account, Spend::messages(told(*publish)), Spend::default());
            }
            AccountWork::Close { account } => books.close(account),
            // Who asked has checked that it makes sense.
            AccountWork::Raise { account, by } => drop(books.raise(account, *by)),
        }
    }
}
