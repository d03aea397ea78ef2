//! A few connections that many callers share. Knows no database.

use crate::Error;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// How many are lent at once; further callers wait.
const LENT_MAX: usize = 4;

/// The connections.
pub(crate) struct Pool<C> {
    state: Mutex<State<C>>,
    back: Condvar,
}

struct State<C> {
    idle: Vec<C>,
    lent: usize,
}

impl<C> Pool<C> {
    /// With these to begin with.
    pub fn new(idle: Vec<C>) -> Pool<C> {
        Pool { state: Mutex::new(State { idle, lent: 0 }), back: Condvar::new() }
    }

    /// Runs `work` on a connection, one made by `connect` if none is idle. It
    /// comes back if `work` says so.
    pub fn with<T>(
        &self,
        connect: impl FnOnce() -> Result<C, Error>,
        work: impl FnOnce(C) -> (Result<T, Error>, Option<C>),
    ) -> Result<T, Error> {
        let idle = self.take();
        // Counts the place free again even if `work` panics.
        let mut place = Place { pool: self, back: None };
        let connection = idle.map_or_else(connect, Ok)?;
        let (result, back) = work(connection);
        place.back = back;
        result
    }

    fn held(&self) -> MutexGuard<'_, State<C>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Option<C> {
        let mut state = self.held();
        while state.lent >= LENT_MAX {
            state = self.back.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.lent += 1;
        state.idle.pop()
    }
}

struct Place<'p, C> {
    pool: &'p Pool<C>,
    back: Option<C>,
}

impl<C> Drop for Place<'_, C> {
    fn drop(&mut self) {
        let mut state = self.pool.held();
        state.lent -= 1;
        state.idle.extend(self.back.take());
        drop(state);
        self.pool.back.notify_one();
    }
}
