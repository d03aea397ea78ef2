//! What must hold after every run, whatever went wrong in it.

mod journal;
mod message;
mod replay;
mod step;

use crate::boot::Ground;
use crate::outside::Outside;
use crate::run::Seen;
use crate::scenario::Scenario;
use std::sync::PoisonError;

/// Everything that does not hold, in words.
pub fn all(seen: &Seen, ground: &Ground, outside: &Outside, scenario: &Scenario) -> Vec<String> {
    let log = ground.faults.log.lock().unwrap_or_else(PoisonError::into_inner);
    let mut found = log.wrongs.clone();
    found.extend(outside.wrongs());
    found.extend(journal::check(seen, &log));
    found.extend(message::check(seen, &log));
    found.extend(step::check(seen, outside));
    drop(log);
    found.extend(replay::check(seen, &ground.store, scenario));
    found
}
