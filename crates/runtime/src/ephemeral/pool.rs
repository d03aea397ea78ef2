//! The ephemeral processes of a node: what they all share.

use super::address::Address;
use super::cell::Cell;
use super::mail::Code;
use super::root::Post;
use super::table::Table;
use super::turns::Turns;
use crate::env::Env;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, MutexGuard};

pub(crate) struct Pool {
    pub env: Arc<dyn Env>,
    pub table: Table,
    pub turns: Turns,
    pub codes: HashMap<String, Arc<Code>>,
    pub post: Post,
    /// Starts the loops, when the first process comes.
    pub begin: fn(&Arc<Pool>),
    pub begun: AtomicBool,
    /// How many loops run on threads of their own; none: one runs as a task.
    pub threads: AtomicUsize,
    /// Those of these threads that still run.
    pub alive: Arc<AtomicUsize>,
    /// Processes there are.
    pub count: AtomicUsize,
}

impl Pool {
    /// The cell of a process that is at work.
    pub fn at_work(&self, address: Address) -> Option<MutexGuard<'_, Cell>> {
        self.table.cell(address.place()).filter(|cell| cell.is_at_work(address))
    }

    /// How many processes there are.
    pub fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Whether a loop's thread still runs.
    pub fn is_alive(&self) -> bool {
        self.alive.load(Ordering::Acquire) > 0
    }

    /// The newest code of a kind.
    pub fn code(&self, kind: &str) -> Option<&Arc<Code>> {
        self.codes.get(kind)
    }
}
