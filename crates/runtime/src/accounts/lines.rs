//! Who waits for more of a budget: a line for each account and what it is short
//! of. Data only: knows neither amounts that are left nor how to wake anybody.

use super::on_their_way::Share;
use greenroom_model::budget::{Resource, Short};
use greenroom_model::{Need, Op, ProcessId, ProcessNo};
use std::collections::{BTreeMap, HashMap};

/// An operation of a process.
pub(crate) type Who = (ProcessNo, Op);

/// One that waits, or that need not wait any more and has not taken it yet.
pub(super) struct Waiter {
    /// Who came first has the lowest.
    ticket: u64,
    pub need: Need,
    pub place: Place,
}

pub(super) enum Place {
    /// In the line of this account, for so much of this.
    Waits { at: ProcessId, short_of: Resource, amount: u64 },
    /// So much is held for it until it takes it or gives up.
    Admitted(Vec<Share>),
}

/// By how much each needs, then by who came first.
type Line = BTreeMap<u64, BTreeMap<u64, Who>>;

#[derive(Default)]
pub(super) struct Lines {
    tickets: u64,
    lines: HashMap<ProcessId, BTreeMap<Resource, Line>>,
    waiters: BTreeMap<Who, Waiter>,
}

impl Waiter {
    pub fn is_admitted(&self) -> bool {
        matches!(self.place, Place::Admitted(_))
    }

    /// Whether it still waits where this says.
    pub fn stands(&self, short: &Short) -> bool {
        matches!(&self.place, Place::Waits { at, short_of, amount }
            if *at == short.account && *short_of == short.resource && *amount == short.needed)
    }
}

impl Lines {
    pub fn get(&self, who: &Who) -> Option<&Waiter> {
        self.waiters.get(who)
    }

    /// Takes one out, wherever it stands.
    pub fn remove(&mut self, who: &Who) -> Option<Waiter> {
        let waiter = self.waiters.remove(who)?;
        if let Place::Waits { at, short_of, amount } = &waiter.place
            && let Some(lines) = self.lines.get_mut(at)
        {
            if let Some(line) = lines.get_mut(short_of) {
                if let Some(alike) = line.get_mut(amount) {
                    alike.remove(&waiter.ticket);
                }
                line.retain(|_, alike| !alike.is_empty());
            }
            lines.retain(|_, line| !line.is_empty());
            if lines.is_empty() {
                self.lines.remove(at);
            }
        }
        Some(waiter)
    }

    /// Puts one where it belongs now; it keeps its ticket if it had one.
    pub fn put(
        &mut self,
        who: Who,
        before: Option<Waiter>,
        need: Need,
        to: Result<Vec<Share>, Short>,
    ) {
        let ticket = before.map_or_else(|| self.next_ticket(), |waiter| waiter.ticket);
        let place = match to {
            Ok(shares) => Place::Admitted(shares),
            Err(Short { account: at, resource: short_of, needed: amount, .. }) => {
                let line = self.lines.entry(at.clone()).or_default().entry(short_of).or_default();
                line.entry(amount).or_default().insert(ticket, who);
                Place::Waits { at, short_of, amount }
            }
        };
        self.waiters.insert(who, Waiter { ticket, need, place });
    }

    fn next_ticket(&mut self) -> u64 {
        self.tickets += 1;
        self.tickets
    }

    /// The first in a line who needs no more than this.
    pub fn first(&self, at: &ProcessId, short_of: Resource, left: u64) -> Option<Who> {
        let line = self.lines.get(at)?.get(&short_of)?;
        let firsts = line.range(..=left).filter_map(|(_, alike)| alike.first_key_value());
        firsts.min_by_key(|(ticket, _)| **ticket).map(|(_, who)| *who)
    }

    /// All who wait at an account.
    pub fn at(&self, at: &ProcessId) -> Vec<Who> {
        let lines = self.lines.get(at).into_iter().flat_map(BTreeMap::values);
        lines.flat_map(BTreeMap::values).flat_map(BTreeMap::values).copied().collect()
    }

    /// What those at an account wait for.
    pub fn short_of(&self, at: &ProcessId) -> impl Iterator<Item = Resource> + use<> {
        let here = |resource: &Resource| {
            self.lines.get(at).is_some_and(|lines| lines.contains_key(resource))
        };
        let all: Vec<Resource> = match self.lines.is_empty() {
            true => Vec::new(),
            false => Resource::ALL.into_iter().filter(here).collect(),
        };
        all.into_iter()
    }

    /// The operations of a process that stand here.
    pub fn of(&self, no: ProcessNo) -> Vec<Who> {
        let range = self.waiters.range((no, Op(0))..=(no, Op(u64::MAX)));
        range.map(|(who, _)| *who).collect()
    }

    /// All of them.
    pub fn waiters(&self) -> impl Iterator<Item = &Waiter> {
        self.waiters.values()
    }
}
