//! Accounts that belong together, and what changes them.
//!
//! Each resource is paid by the nearest account on the way up that limits it
//! and is open. If all that limit it are closed, the uppermost pays: there is
//! nobody to whom it could have gone back. What is used up is noted on all
//! accounts up to the one that pays. A child's limit is set aside from whoever
//! would pay for the parent, until the child's account is closed: so no child
//! opens what its parent has not got.

use super::account::Account;
use super::limits::Budget;
use super::resource::{Resource, Spend};
use crate::ProcessId;
use std::collections::{BTreeMap, BTreeSet};

/// No limit is larger.
const LIMIT_MAX: u64 = i64::MAX as u64;

/// A set of accounts, with all above each.
#[derive(Clone, Debug, Default)]
pub struct Books {
    accounts: BTreeMap<ProcessId, Account>,
    changed: BTreeSet<ProcessId>,
}

/// There is too little left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Short {
    /// Of which account.
    pub account: ProcessId,
    /// Of what.
    pub resource: Resource,
    /// How much there was to begin with.
    pub limit: u64,
    /// How much is left.
    pub left: u64,
    /// How much is needed.
    pub needed: u64,
}

impl std::fmt::Display for Short {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Short { account, resource, .. } = self;
        let shown = |amount| resource.shown(amount);
        let (limit, left, needed) = (shown(self.limit), shown(self.left), shown(self.needed));
        write!(
            f,
            "the budget of {account} is used up: {left} of {limit} {resource} left, {needed} needed"
        )
    }
}

impl Books {
    /// Takes in an account, unless a newer state of it is here.
    pub fn insert(&mut self, account: Account) {
        match self.accounts.get(&account.id) {
            Some(here) if here.version >= account.version => {}
            _ => drop(self.accounts.insert(account.id.clone(), account)),
        }
    }

    /// An account.
    pub fn get(&self, id: &ProcessId) -> Option<&Account> {
        self.accounts.get(id)
    }

    /// An account and all above it, the nearest first.
    pub fn chain(&self, id: &ProcessId) -> impl Iterator<Item = &Account> {
        self.path(id).into_iter()
    }

    /// Whether an account is below another, or it itself.
    pub fn is_below(&self, id: &ProcessId, above: &ProcessId) -> bool {
        self.chain(id).any(|account| account.id == *above)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.accounts.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty()
    }

    /// Keeps only some.
    pub fn retain(&mut self, keep: impl Fn(&Account) -> bool) {
        self.accounts.retain(|_, account| keep(account));
    }

    /// What has changed since this was asked last.
    pub fn take_changed(&mut self) -> Vec<Account> {
        let changed = std::mem::take(&mut self.changed);
        changed.iter().filter_map(|id| self.accounts.get(id)).cloned().collect()
    }

    fn path(&self, id: &ProcessId) -> Vec<&Account> {
        let mut path: Vec<&Account> = Vec::new();
        let mut next = Some(id);
        while let Some(account) = next.and_then(|id| self.accounts.get(id)) {
            // A store that was damaged could hold a circle.
            if path.len() > self.accounts.len() {
                break;
            }
            path.push(account);
            next = account.parent.as_ref();
        }
        path
    }

    /// The account above this one, or it itself, that is not here.
    pub fn missing(&self, id: &ProcessId) -> Option<ProcessId> {
        match self.path(id).last() {
            None => Some(id.clone()),
            Some(last) => last.parent.clone().filter(|above| !self.accounts.contains_key(above)),
        }
    }

    /// Who pays for a resource.
    pub fn payer(&self, id: &ProcessId, resource: Resource) -> Option<&Account> {
        payer_of(&self.path(id), resource)
    }

    /// Whether so much can be paid: none of those who would pay for anything has
    /// used up more than it has, and who pays for this has enough. `on_its_way`: what
    /// will be used up of an account, and what will come back to it, by commits
    /// under way.
    ///
    /// # Errors
    /// What there is too little of.
    pub fn affords(
        &self,
        id: &ProcessId,
        need: Spend,
        on_its_way: impl Fn(&ProcessId) -> (Spend, Spend),
    ) -> Result<(), Short> {
        let path = self.path(id);
        for resource in Resource::ALL {
            let Some(payer) = payer_of(&path, resource) else { continue };
            let (held, back) = on_its_way(&payer.id);
            let (room, needed) = (payer.room(resource, held, back), need.of(resource));
            if room.is_none_or(|room| room < needed) {
                let limit = payer.limits.of(resource).unwrap_or_default();
                let (account, left) = (payer.id.clone(), room.unwrap_or_default());
                return Err(Short { account, resource, limit, left, needed });
            }
        }
        Ok(())
    }

    /// Who pays how much of it.
    pub fn shares(&self, id: &ProcessId, spend: Spend) -> Vec<(ProcessId, Spend)> {
        let mut shares: Vec<(ProcessId, Spend)> = Vec::new();
        for resource in Resource::ALL {
            let amount = spend.of(resource);
            let Some(payer) = self.payer(id, resource).filter(|_| amount > 0) else { continue };
            let place = shares.iter().position(|(known, _)| *known == payer.id);
            let place = place.unwrap_or_else(|| {
                shares.push((payer.id.clone(), Spend::default()));
                shares.len() - 1
            });
            add(&mut shares[place].1, resource, amount);
        }
        shares
    }

    /// Opens an account, with its limits set aside from those who pay for its
    /// parent. One that is there stays as it is.
    pub fn open(&mut self, id: &ProcessId, parent: Option<&ProcessId>, limits: Budget) {
        if self.accounts.contains_key(id) {
            return;
        }
        for resource in Resource::ALL {
            let payer = parent.and_then(|parent| self.payer(parent, resource));
            if let (Some(limit), Some(payer)) =
                (limits.of(resource), payer.map(|one| one.id.clone()))
            {
                self.change(&payer, |account| add(&mut account.reserved, resource, limit));
            }
        }
        let account = Account::new(id.clone(), parent.cloned(), limits);
        self.accounts.insert(id.clone(), account);
        self.change(id, |_| {});
    }

    /// Notes what was used up, whether there was so much left or not, and what of
    /// it was given back.
    pub fn spend(&mut self, id: &ProcessId, spent: Spend, back: Spend) {
        for resource in Resource::ALL {
            let (spent, back) = (spent.of(resource), back.of(resource));
            if spent == back {
                continue;
            }
            for id in self.paying(id, resource) {
                self.change(&id, |account| {
                    add(&mut account.spent, resource, spent);
                    take(&mut account.spent, resource, back);
                });
            }
        }
    }

    /// The accounts that note what this one uses up of a resource: all up to the
    /// one that pays.
    fn paying(&self, id: &ProcessId, resource: Resource) -> Vec<ProcessId> {
        let payer = self.payer(id, resource).map(|payer| &payer.id);
        let mut ids = Vec::new();
        for account in self.path(id) {
            ids.push(account.id.clone());
            if payer == Some(&account.id) {
                break;
            }
        }
        ids
    }

    /// Its process has ended: what was set aside for it goes back, and what it
    /// has used up counts above. What nobody above limits stays its own.
    pub fn close(&mut self, id: &ProcessId) {
        let Some(account) = self.accounts.get(id) else { return };
        let Some(parent) = account.parent.clone().filter(|_| !account.closed) else { return };
        let closing = account.clone();
        self.change(id, |account| account.closed = true);
        for resource in Resource::ALL {
            let Some(limit) = closing.limits.of(resource) else { continue };
            let payer = self.payer(&parent, resource).map(|payer| payer.id.clone());
            let Some(payer) = payer else { continue };
            for id in self.paying(&parent, resource) {
                let spent = closing.spent.of(resource);
                self.change(&id, |account| add(&mut account.spent, resource, spent));
            }
            // What is still set aside below it is so from there.
            let below = closing.reserved.of(resource);
            self.change(id, |account| take(&mut account.reserved, resource, below));
            self.change(&payer, |account| {
                take(&mut account.reserved, resource, limit);
                add(&mut account.reserved, resource, below);
            });
        }
    }

    /// A person gives more: what is new to this account is new to those it was
    /// reserved from.
    ///
    /// # Errors
    /// Why that makes no sense.
    pub fn raise(&mut self, id: &ProcessId, by: Budget) -> Result<(), String> {
        let account = self.accounts.get(id).ok_or_else(|| format!("{id} has no budget"))?;
        for resource in Resource::ALL {
            let Some(more) = by.of(resource) else { continue };
            if account.limits.of(resource).is_none() {
                return Err(format!("{id} has no limit on {resource}"));
            }
            if let Some(payer) = self.payer(id, resource).filter(|payer| payer.id != *id) {
                let payer = &payer.id;
                return Err(format!(
                    "{id} has ended and its budget went back to {payer}: raise that"
                ));
            }
            let fits = |limit: u64| limit.checked_add(more).is_some_and(|sum| sum <= LIMIT_MAX);
            let raised = self.raised(id, resource);
            let mut limits = raised.iter().filter_map(|id| self.get(id)?.limits.of(resource));
            if !limits.all(fits) {
                return Err(format!("so many {resource} cannot be counted"));
            }
        }
        for resource in Resource::ALL {
            let more = by.of(resource).unwrap_or_default();
            let raised = if more > 0 { self.raised(id, resource) } else { Vec::new() };
            for (place, id) in raised.iter().enumerate() {
                self.change(id, |account| {
                    let limit = account.limits.of_mut(resource);
                    *limit = limit.map(|limit| limit.saturating_add(more));
                    if place > 0 {
                        add(&mut account.reserved, resource, more);
                    }
                });
            }
        }
        Ok(())
    }

    /// Those whose limit grows with that of this one: those it was set aside from.
    fn raised(&self, id: &ProcessId, resource: Resource) -> Vec<ProcessId> {
        let mut raised = Vec::new();
        let mut next = self.get(id);
        while let Some(account) = next.filter(|_| raised.len() < self.len()) {
            raised.push(account.id.clone());
            next = account.parent.as_ref().and_then(|parent| self.payer(parent, resource));
        }
        raised
    }

    fn change(&mut self, id: &ProcessId, change: impl FnOnce(&mut Account)) {
        if let Some(account) = self.accounts.get_mut(id) {
            change(account);
            account.version += u64::from(self.changed.insert(id.clone()));
        }
    }
}

/// The nearest that limits it and is open, or else the uppermost.
fn payer_of<'a>(path: &[&'a Account], resource: Resource) -> Option<&'a Account> {
    let limits = |account: &&&Account| account.limits.of(resource).is_some();
    let open = path.iter().filter(limits).find(|account| !account.closed);
    open.or_else(|| path.iter().rfind(limits)).copied()
}

fn add(amounts: &mut Spend, resource: Resource, more: u64) {
    let amount = amounts.of_mut(resource);
    *amount = amount.saturating_add(more);
}

fn take(amounts: &mut Spend, resource: Resource, less: u64) {
    let amount = amounts.of_mut(resource);
    *amount = amount.saturating_sub(less);
}
