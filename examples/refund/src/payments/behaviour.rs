//! How the service treats the next refunds: as it should, or as it was told.

use super::wire::{Behave, Mode};
use std::sync::{Mutex, PoisonError};

/// A mode, and for how many refunds more.
pub struct Behaviour(Mutex<Behave>);

impl Behaviour {
    pub fn new() -> Behaviour {
        Behaviour(Mutex::new(Behave { mode: Mode::Ok, times: 0 }))
    }

    pub fn set(&self, behave: Behave) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = behave;
    }

    /// How to treat this refund.
    pub fn take(&self) -> Mode {
        let mut behave = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if behave.times == 0 {
            return Mode::Ok;
        }
        behave.times -= 1;
        behave.mode
    }
}
