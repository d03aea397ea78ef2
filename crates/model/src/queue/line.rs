//! The waiting line: highest priority first, and within a priority the tenants
//! in turn, each by the time since when it waits.
//!
//! Turns are start-time fair queueing (Goyal, Vin, Cheng, 1996) with one step as
//! the unit: a tenant with a thousand waiting steps gets no more than one with a
//! few. A lower priority that has been passed over [`PASSED_MAX`] times is next,
//! so that nobody starves.

use super::ticket::Ticket;
use crate::Millis;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How often a lower priority is passed over at most, but for others that have
/// been passed over as often.
pub(super) const PASSED_MAX: u32 = 9;

/// When a tenant's turn is: its virtual time, then its oldest step.
type Turn = (u64, Millis, Ticket);

#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    levels: BTreeMap<Reverse<u8>, Level>,
    places: BTreeMap<Ticket, Place>,
    oldest: BTreeSet<(Millis, Ticket)>,
}

#[derive(Clone, Debug)]
struct Place {
    priority: u8,
    tenant: Arc<str>,
    since: Millis,
}

#[derive(Clone, Debug, Default)]
struct Level {
    tenants: BTreeMap<Arc<str>, Tenant>,
    turns: BTreeMap<Turn, Arc<str>>,
    /// The turns of tenants that wait for nothing, until time has passed them:
    /// who comes one by one has no advantage over who waits with many.
    spent: BTreeSet<(u64, Arc<str>)>,
    time: u64,
    passed: u32,
}

#[derive(Clone, Debug, Default)]
struct Tenant {
    time: u64,
    waiting: BTreeSet<(Millis, Ticket)>,
}

impl Line {
    pub fn len(&self) -> usize {
        self.places.len()
    }

    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Since when the first waits.
    pub fn oldest(&self) -> Option<Millis> {
        self.oldest.first().map(|(since, _)| *since)
    }

    pub fn tenants(&self) -> usize {
        self.levels.values().map(|level| level.turns.len()).sum()
    }

    pub fn add(&mut self, ticket: Ticket, priority: u8, tenant: &str, since: Millis) {
        let level = self.levels.entry(Reverse(priority)).or_default();
        let tenant = level.add(tenant, since, ticket);
        self.places.insert(ticket, Place { priority, tenant, since });
        self.oldest.insert((since, ticket));
    }

    /// `false`: it does not stand here.
    pub fn remove(&mut self, ticket: Ticket) -> bool {
        let Some(Place { priority, tenant, since }) = self.places.remove(&ticket) else {
            return false;
        };
        self.oldest.remove(&(since, ticket));
        if let Some(level) = self.levels.get_mut(&Reverse(priority)) {
            level.remove(&tenant, since, ticket);
            if level.turns.is_empty() {
                self.levels.remove(&Reverse(priority));
            }
        }
        true
    }

    /// Takes out who is next.
    pub fn next(&mut self) -> Option<Ticket> {
        let first = *self.levels.first_key_value()?.0;
        let starved = self.levels.iter().filter(|(_, level)| level.passed >= PASSED_MAX);
        // Of several the one that was passed over most often, then the higher.
        let starved = starved.max_by_key(|(priority, level)| (level.passed, priority.0));
        let chosen = starved.map_or(first, |(priority, _)| *priority);
        for (priority, level) in &mut self.levels {
            level.passed =
                if *priority == chosen { 0 } else { level.passed + u32::from(*priority > first) };
        }
        let ticket = self.levels.get_mut(&chosen)?.next()?;
        self.remove(ticket);
        Some(ticket)
    }

    /// Empties it, in the order of tickets.
    pub fn take_all(&mut self) -> Vec<Ticket> {
        std::mem::take(self).places.into_keys().collect()
    }
}

impl Level {
    fn add(&mut self, name: &str, since: Millis, ticket: Ticket) -> Arc<str> {
        let name = match self.tenants.get_key_value(name) {
            Some((name, _)) => name.clone(),
            None => name.into(),
        };
        let tenant = self.tenants.entry(name.clone()).or_default();
        match tenant.turn() {
            Some(turn) => drop(self.turns.remove(&turn)),
            None => {
                self.spent.remove(&(tenant.time, name.clone()));
                tenant.time = tenant.time.max(self.time);
            }
        }
        tenant.waiting.insert((since, ticket));
        self.turns.extend(tenant.turn().map(|turn| (turn, name.clone())));
        name
    }

    fn remove(&mut self, name: &Arc<str>, since: Millis, ticket: Ticket) {
        let Some(tenant) = self.tenants.get_mut(name) else { return };
        if let Some(turn) = tenant.turn() {
            self.turns.remove(&turn);
        }
        tenant.waiting.remove(&(since, ticket));
        match tenant.turn() {
            Some(turn) => drop(self.turns.insert(turn, name.clone())),
            None => drop(self.spent.insert((tenant.time, name.clone()))),
        }
    }

    /// Whose turn it is; it counts as taken.
    fn next(&mut self) -> Option<Ticket> {
        let ((time, since, ticket), name) = self.turns.pop_first()?;
        self.time = time;
        let tenant = self.tenants.get_mut(&name)?;
        tenant.time = time + 1;
        self.turns.insert((tenant.time, since, ticket), name);
        while let Some((spent, _)) = self.spent.first()
            && *spent <= self.time
            && let Some((_, name)) = self.spent.pop_first()
        {
            self.tenants.remove(&name);
        }
        Some(ticket)
    }
}

impl Tenant {
    fn turn(&self) -> Option<Turn> {
        let (since, ticket) = self.waiting.first()?;
        Some((self.time, *since, *ticket))
    }
}
