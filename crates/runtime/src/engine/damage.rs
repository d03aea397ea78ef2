//! Processes the store cannot give back whole. It is a fact found by reading,
//! kept in memory and never written: reading again decides whether it is one
//! still. Such a process takes no turn and its mailbox is kept; nobody hears of
//! it until a person decides.

use super::hub::News;
use super::state::{Damage, Engine};
use greenroom_journal::{Error, Listing, Loaded, ProcessRow, Scope};
use greenroom_model::{ProcessNo, Status};
use std::sync::PoisonError;
use std::time::Duration;

/// How many waiting processes are read at once, and how long the next wait: a
/// node looks through all of them after its start, and nobody should notice.
const READ_AT_ONCE: usize = 50;
const READ_AGAIN_AFTER: Duration = Duration::from_millis(20);
const FAILED_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// What is wrong, without the words that say that something is.
pub fn what(error: &Error) -> String {
    match error {
        Error::Corrupt { what } => what.clone(),
        error => error.to_string(),
    }
}

impl Engine {
    /// A process was found damaged.
    pub(crate) fn damage(&self, no: ProcessNo, what: String) {
        let listing = Listing { after: Some(ProcessNo(no.0 - 1)), limit: 1, ..Listing::default() };
        let row = self.journal.list(&listing).ok().and_then(|rows| rows.into_iter().next());
        let row = row.filter(|row| row.no == no);
        let id = row.map_or_else(|| format!("process number {no}"), |row| row.id.to_string());
        let mut damages = self.damages.lock().unwrap_or_else(PoisonError::into_inner);
        damages.insert(no, Damage { id, what });
        drop(damages);
        self.hub.tell(no, || News::Damaged);
        self.unwell();
    }

    /// It could be read, or has ended.
    pub(crate) fn no_damage(&self, no: ProcessNo) {
        let mut damages = self.damages.lock().unwrap_or_else(PoisonError::into_inner);
        damages.remove(&no);
    }

    /// It was ended by a person.
    pub(crate) fn ended_damaged(&self, no: ProcessNo) {
        self.no_damage(no);
        self.hub.tell(no, || News::Missed);
    }

    /// What is known to be wrong with a process.
    pub(crate) fn damage_of(&self, no: ProcessNo) -> Option<Damage> {
        self.damages.lock().unwrap_or_else(PoisonError::into_inner).get(&no).cloned()
    }

    /// Something about the node's health has changed.
    pub(crate) fn unwell(&self) {
        self.health_changed.send_modify(|changes| *changes += 1);
    }

    /// Reads a process that is not in memory, to see whether it can be.
    pub(crate) fn examine(&self, no: ProcessNo) -> Result<(), Error> {
        self.read_of(no).map(drop)
    }

    fn read_of(&self, no: ProcessNo) -> Result<Option<Loaded>, Error> {
        if self.cells.holds(no) && self.damage_of(no).is_none() {
            return Ok(None);
        }
        match self.journal.load(no, Scope::Segment) {
            Ok(loaded) => {
                self.no_damage(no);
                Ok(loaded)
            }
            Err(error) => {
                if error.is_damage() {
                    self.damage(no, what(&error));
                }
                Err(error)
            }
        }
    }

    /// Reads every waiting process once, slowly: damage is to be known before
    /// somebody needs the process, and so are circles of calls.
    pub(super) fn look_through(&self) {
        let mut after = ProcessNo(i64::MIN);
        while !self.is_stopped() {
            let wait = match self.look_at_some(after) {
                Ok(None) => return,
                Ok(Some(last)) => {
                    after = last;
                    READ_AGAIN_AFTER
                }
                // What the store does not give now is read later.
                Err(_) => FAILED_AGAIN_AFTER,
            };
            if !self.timers.wait(wait) {
                return;
            }
        }
    }

    /// Reads the next of the waiting processes, and has those that wait for replies
    /// brought back: what is stuck is seen in memory only.
    pub(super) fn look_at_some(&self, after: ProcessNo) -> Result<Option<ProcessNo>, Error> {
        let statuses = Status::ALL.into_iter().filter(|status| !status.is_ended()).collect();
        let listing =
            Listing { statuses, after: Some(after), limit: READ_AT_ONCE, ..Listing::default() };
        let rows = self.journal.list(&listing)?;
        let last = rows.last().map(|row| row.no);
        for ProcessRow { no, status, .. } in rows {
            match self.read_of(no) {
                // A call with a timeout sleeps.
                Ok(Some(loaded)) if matches!(status, Status::Joining | Status::Sleeping) => {
                    self.wake_if_it_calls(loaded);
                }
                Err(error) if error.is_transient() => return Err(error),
                // Damage is noted; what else is wrong will show in time.
                _ => {}
            }
        }
        Ok(last)
    }
}
