//! What this thread does just now for ephemeral processes: which loop it runs,
//! and which process it polls. Operations find their process here, so they
//! need no pointer and no lock.
//!
//! The state is borrowed for moments, never while code of a user's runs.

use super::address::Address;
use super::desk::Desk;
use super::mail::{Code, Envelope};
use super::pool::Pool;
use super::root::Root;
use greenroom_model::{Failure, ProcessId, failure};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;

/// A loop at work on this thread.
pub(crate) struct Here {
    pub pool: Arc<Pool>,
    /// Its queue.
    pub queue: usize,
    /// Whom to poll next: who was last sent something, while it is in the cache.
    pub next: Option<Address>,
    /// Free places of the table.
    pub places: Vec<u32>,
    pub running: Option<Running>,
}

/// The process that is polled.
pub(crate) struct Running {
    pub address: Address,
    pub code: Arc<Code>,
    pub root: Arc<Root>,
    pub parent: Option<ProcessId>,
    pub desk: Option<Box<Desk>>,
    pub mail: VecDeque<Envelope>,
    /// How many operations it may still do.
    pub operations_left: u32,
    /// It is to be polled again.
    pub again: bool,
    /// Which waker it is polled with.
    pub bell: usize,
}

thread_local! {
    static HERE: RefCell<Option<Here>> = const { RefCell::new(None) };
}

/// Enters or leaves a loop on this thread.
pub(crate) fn replace(here: Option<Here>) -> Option<Here> {
    HERE.with(|slot| slot.replace(here))
}

/// Uses this thread's loop, if it runs one.
pub(crate) fn with_here<R>(work: impl FnOnce(&mut Here) -> R) -> Option<R> {
    HERE.with(|slot| slot.try_borrow_mut().ok()?.as_mut().map(work))
}

/// Uses the process that is polled, if it is this one.
pub(crate) fn with_running<R>(
    address: Address,
    work: impl FnOnce(&mut Running, &Arc<Pool>) -> R,
) -> Option<R> {
    with_here(|here| {
        let running = here.running.as_mut().filter(|running| running.address == address)?;
        Some(work(running, &here.pool))
    })?
}

/// The same for work that may make another process `Queued`, which is then put
/// into a queue.
pub(crate) fn with_sending<R>(
    address: Address,
    work: impl FnOnce(&mut Running, &Arc<Pool>) -> (R, Option<Address>),
) -> Option<R> {
    with_here(|here| {
        let running = here.running.as_mut().filter(|running| running.address == address)?;
        let (result, queued) = work(running, &here.pool);
        if let Some(queued) = queued {
            here.schedule(queued);
        }
        Some(result)
    })?
}

/// The pool of a process, which must be the one that is polled.
pub(crate) fn pool_of(address: Address) -> Result<Arc<Pool>, Failure> {
    with_running(address, |_, pool| pool.clone()).ok_or_else(not_here)
}

/// Puts a process whose state is `Queued` into a queue.
pub(crate) fn schedule(pool: &Pool, address: Address) {
    let own = with_here(|here| {
        let own = std::ptr::eq(&*here.pool, pool);
        if own {
            here.schedule(address);
        }
        own
    });
    if own != Some(true) {
        pool.turns.push_outside(address);
    }
}

impl Here {
    /// Polls it next, and whom it displaces later.
    fn schedule(&mut self, address: Address) {
        if let Some(displaced) = self.next.replace(address) {
            self.pool.turns.push(self.queue, displaced);
        }
    }
}

impl Running {
    /// Whether a waker is the process's own, not that of a part of its code.
    pub fn is_own(&self, waker: &Waker) -> bool {
        waker.data().addr() == self.bell
    }

    /// How often it was asked to stop.
    pub fn cancels(&self) -> u32 {
        self.desk.as_ref().map_or(0, |desk| desk.cancels)
    }

    /// Why it was last asked to stop.
    pub fn cancelled(&self) -> String {
        self.desk.as_ref().and_then(|desk| desk.cancelled.clone()).unwrap_or_default()
    }

    pub fn desk(&mut self) -> &mut Desk {
        self.desk.get_or_insert_default()
    }

    pub fn id(&mut self) -> ProcessId {
        if let Some(id) = self.desk.as_ref().and_then(|desk| desk.id.as_ref()) {
            return id.clone();
        }
        let id = self.address.id(&self.code.kind);
        self.desk().id = Some(id.clone());
        id
    }
}

/// An operation is used where its process is not being polled.
pub(crate) fn not_here() -> Failure {
    Failure::fatal(
        failure::FOREIGN_AWAIT,
        "an operation of an ephemeral process works only in that process's own code, not in a \
         step, a task or another process",
    )
}

/// An operation that needs a journal.
pub(crate) fn no_journal(what: &str) -> Failure {
    let words = format!("{what} needs a journal, and an ephemeral process has none");
    Failure::fatal(failure::NEEDS_JOURNAL, words)
}
