//! The wakers of ephemeral processes. Most processes never keep theirs, so a
//! loop has one and writes on it whom it polls; once somebody has kept it, it
//! is that process's for good and the loop makes another.

use super::address::Address;
use super::here::{schedule, with_running};
use super::pool::Pool;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Wake, Waker};

pub(crate) struct Bell {
    pool: Weak<Pool>,
    address: AtomicU64,
}

/// A loop's present bell.
pub(crate) struct Rope {
    bell: Arc<Bell>,
    waker: Waker,
}

/// The bell itself, the rope's and the waker's hold on it.
const OWN_HOLDS: usize = 2;

impl Rope {
    pub fn new(pool: &Arc<Pool>) -> Rope {
        let bell = Arc::new(Bell { pool: Arc::downgrade(pool), address: AtomicU64::new(0) });
        Rope { waker: Waker::from(bell.clone()), bell }
    }

    /// A waker for this process.
    pub fn tie(&mut self, pool: &Arc<Pool>, address: Address) -> &Waker {
        if Arc::strong_count(&self.bell) != OWN_HOLDS {
            *self = Rope::new(pool);
        }
        self.bell.address.store(address.bits(), Ordering::Relaxed);
        &self.waker
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let Some(address) = Address::from_bits(self.address.load(Ordering::Relaxed)) else {
            return;
        };
        // A process that wakes itself needs no lock.
        if with_running(address, |running, _| running.again = true).is_some() {
            return;
        }
        if let Some(pool) = self.pool.upgrade() {
            wake(&pool, address);
        }
    }
}

/// Has a process polled.
pub(crate) fn wake(pool: &Pool, address: Address) {
    let rouse = pool.at_work(address).is_some_and(|mut cell| cell.rouse());
    if rouse {
        schedule(pool, address);
    }
}
