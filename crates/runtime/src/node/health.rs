//! How the node is.

use super::handle::Node;
use crate::engine::{BrokenCircle, FullMailbox};
use greenroom_model::budget::Account;
use serde::Serialize;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

/// A node's state, for people and monitors.
#[derive(Clone, Debug, Serialize)]
pub struct Health {
    /// Who it says it is.
    pub name: String,
    /// It ends with the command it runs inside.
    pub temporary: bool,
    /// Its store, without credentials.
    pub store: String,
    /// Its lease's epoch.
    pub epoch: i64,
    /// Its time, in milliseconds since 1970.
    pub clock_ms: u64,
    /// When it was started.
    pub started_at_ms: u64,
    /// Processes in memory.
    pub resident: usize,
    /// How many bytes they take, about.
    pub resident_bytes: usize,
    /// Ephemeral processes.
    pub ephemeral: usize,
    /// Processes with something to do.
    pub ready: usize,
    /// Commits that wait for the store.
    pub committing: usize,
    /// Steps under way.
    pub steps: usize,
    /// Mailboxes that are full: their senders wait.
    pub full_mailboxes: Vec<FullMailbox>,
    /// Budgets that are used up, with how many operations wait for more.
    pub budgets: Vec<UsedUp>,
    /// Messages dropped since it was started, by kinds that drop the oldest.
    pub dropped: usize,
    /// Circles of calls that were found since it was started, the last ones.
    pub deadlocks: Vec<BrokenCircle>,
    /// The kinds it has code for.
    pub kinds: Vec<String>,
    /// Processes it cannot bring back, and why.
    pub troubles: Vec<Trouble>,
    /// Why the store does not take commits, if it does not.
    pub store_error: Option<String>,
}

/// A budget that is too short for something that waits.
#[derive(Clone, Debug, Serialize)]
pub struct UsedUp {
    /// The account.
    #[serde(flatten)]
    pub account: Account,
    /// How many operations wait.
    pub waiting: usize,
}

fn used_up((account, waiting): (Account, usize)) -> UsedUp {
    UsedUp { account, waiting }
}

/// A process the node cannot bring back.
#[derive(Clone, Debug, Serialize)]
pub struct Trouble {
    /// The store's number of it.
    pub process_no: i64,
    /// Its id, if it is damaged: as far as that can be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub damaged: Option<String>,
    /// What is wrong.
    pub what: String,
}

impl Node {
    /// The kinds there is code for, by name and version.
    pub fn kinds(&self) -> Vec<greenroom_model::Kind> {
        self.engine.registry.kinds()
    }

    /// The node's time.
    pub fn now(&self) -> greenroom_model::Millis {
        self.env.now()
    }

    /// How the node is, now. Reads no store.
    pub fn health(&self) -> Health {
        let engine = &self.engine;
        let troubles = engine.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        let store_error = engine.store_error.lock().unwrap_or_else(PoisonError::into_inner);
        let damages = engine.damages.lock().unwrap_or_else(PoisonError::into_inner);
        let damages = damages.iter().map(|(no, damage)| Trouble {
            process_no: no.0,
            damaged: Some(damage.id.clone()),
            what: format!("{} is damaged: {}", damage.id, damage.what),
        });
        let troubles = troubles.iter().map(|(no, what)| Trouble {
            process_no: no.0,
            damaged: None,
            what: what.clone(),
        });
        Health {
            name: self.name.to_string(),
            temporary: self.temporary,
            store: engine.journal.describe(),
            epoch: engine.lease.epoch.0,
            clock_ms: self.env.now().0,
            started_at_ms: self.started_at.0,
            resident: engine.cells.count(),
            resident_bytes: engine.cells.bytes(),
            ephemeral: engine.ephemeral.count(),
            ready: engine.ready.len(),
            committing: engine.commits.len(),
            steps: engine.steps_under_way(),
            full_mailboxes: engine.rooms.list(),
            budgets: engine.accounts.short().into_iter().map(used_up).collect(),
            dropped: engine.rooms.dropped.load(Ordering::Relaxed),
            deadlocks: engine.deadlocks.list(),
            kinds: engine.registry.kinds().iter().map(ToString::to_string).collect(),
            troubles: damages.chain(troubles).collect(),
            store_error: store_error.clone(),
        }
    }
}
