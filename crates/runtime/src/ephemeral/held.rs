//! A handle of an ephemeral process, for its parent. As long as there is one,
//! the exit is kept.

use super::address::Address;
use super::mail::Code;
use super::pool::Pool;
use greenroom_model::ProcessId;
use std::sync::{Arc, OnceLock};

pub(crate) struct Held {
    pool: Arc<Pool>,
    address: Address,
    code: Arc<Code>,
    id: OnceLock<ProcessId>,
}

impl Held {
    /// For a process that was spawned with one handle.
    pub fn new(pool: Arc<Pool>, address: Address, code: Arc<Code>) -> Held {
        Held { pool, address, code, id: OnceLock::new() }
    }

    pub fn address(&self) -> Address {
        self.address
    }

    pub fn id(&self) -> &ProcessId {
        self.id.get_or_init(|| self.address.id(&self.code.kind))
    }
}

impl Clone for Held {
    fn clone(&self) -> Held {
        if let Some(mut cell) = self.pool.table.cell(self.address.place())
            && cell.generation == self.address.generation()
        {
            cell.handles += 1;
        }
        Held::new(self.pool.clone(), self.address, self.code.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.pool.let_go(self.address);
    }
}
