//! Beginning an ephemeral process.

use super::address::Address;
use super::cell::{Body, State, Supervised, Watcher};
use super::here::with_here;
use super::mail::{Code, Work};
use super::pool::Pool;
use super::restart::{Bucket, Restarts};
use super::root::Root;
use crate::failed::panicked;
use greenroom_model::{Failure, Payload, ProcessId};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What a process begins with.
pub(crate) struct NewProcess {
    pub code: Arc<Code>,
    pub input: Payload,
    pub root: Arc<Root>,
    pub parent: Option<ProcessId>,
    pub restarts: Option<Restarts>,
    /// How many handles of it there are, which keep its exit.
    pub handles: u32,
    pub watcher: Option<Watcher>,
}

impl Pool {
    /// Puts a process into the table and into a queue.
    pub fn spawn(self: &Arc<Self>, new: NewProcess) -> Result<Address, Failure> {
        if !self.begun.load(Ordering::Relaxed) && !self.begun.swap(true, Ordering::AcqRel) {
            (self.begin)(self);
        }
        if self.turns.is_closed() {
            return Err(Failure::fatal("stopped", "the node stops"));
        }
        let place = self.free_place()?;
        let NewProcess { code, input, root, parent, restarts, handles, watcher } = new;
        let generation = match self.table.cell(place) {
            Some(cell) => cell.generation,
            None => return Err(full()),
        };
        let address = Address::new(place, generation);
        let supervised = restarts.map(|allowed| Supervised {
            input: input.clone(),
            bucket: Bucket::new(allowed, self.env.now()),
        });
        let work = begin(&code, address, input);
        if let Some(mut cell) = self.table.cell(place) {
            cell.state = State::Queued;
            cell.fresh = true;
            cell.handles = handles;
            cell.body = Some(Body { work, code, root, parent, desk: None });
            if supervised.is_some() {
                cell.more().supervised = supervised;
            }
            if let Some(watcher) = watcher {
                cell.more().watchers.push(watcher);
            }
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        let queue = with_here(|here| std::ptr::eq(&*here.pool, &**self).then_some(here.queue));
        match queue.flatten() {
            Some(queue) => self.turns.push(queue, address),
            None => self.turns.push_outside(address),
        }
        Ok(address)
    }

    fn free_place(&self) -> Result<u32, Failure> {
        let own = with_here(|here| {
            if here.places.is_empty() && std::ptr::eq(&*here.pool, self) {
                self.table.take_free(&mut here.places);
            }
            here.places.pop()
        });
        let place = own.flatten().or_else(|| {
            let mut places = Vec::new();
            self.table.take_free(&mut places);
            let place = places.pop();
            self.table.put_back(&mut places);
            place
        });
        place.ok_or_else(full)
    }
}

/// Makes a process's future. Code that panics before it is a future fails like
/// any other.
pub(super) fn begin(code: &Code, address: Address, input: Payload) -> Work {
    match catch_unwind(AssertUnwindSafe(|| (code.make)(address, input))) {
        Ok(work) => work,
        Err(panic) => Box::pin(std::future::ready(Err(panicked(&*panic)))),
    }
}

fn full() -> Failure {
    Failure::new("too_many", "there are as many ephemeral processes as one node may have")
}
