//! Boxes that stand still: because somebody wants them to, or while they are sealed.

use super::open::Engine;
use crate::error::Error;
use crate::sandbox::{self, Sandbox};

impl Engine {
    /// Stops all that runs in a box, until it is thawed.
    ///
    /// # Errors
    /// It does not run.
    pub fn freeze(&self, name: &str) -> Result<(), Error> {
        let _held = self.hold(&[name])?;
        let sandbox = self.running(name)?;
        // First, so that whatever happens nobody takes it for one that was forgotten.
        self.records.freeze(name)?;
        let frozen = sandbox.freeze();
        if frozen.is_err() {
            self.records.thaw(name)?;
        }
        Ok(frozen?)
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// It does not run.
    pub fn thaw(&self, name: &str) -> Result<(), Error> {
        let _held = self.hold(&[name])?;
        self.running(name)?.thaw()?;
        self.records.thaw(name)
    }

    /// That nobody wants a box to stand still.
    pub(super) fn must_be_awake(&self, name: &str) -> Result<(), Error> {
        match self.records.is_frozen(name)? {
            true => Err(sandbox::Error::Frozen { id: name.to_owned() }.into()),
            false => Ok(()),
        }
    }

    /// Has a box stand still for a while. The caller holds it.
    pub(super) fn still(&self, sandbox: Box<dyn Sandbox>) -> Result<Frozen, Error> {
        let stays = self.records.is_frozen(sandbox.id())?;
        match stays {
            true => sandbox.freeze()?,
            false => sandbox.freeze_for_now()?,
        }
        Ok(Frozen { sandbox: Some(sandbox), stays })
    }
}

/// A sandbox that stands still, and goes on when this is dropped or this process dies; if
/// somebody froze it, only when it is thawed.
pub struct Frozen {
    sandbox: Option<Box<dyn Sandbox>>,
    stays: bool,
}

impl Frozen {
    /// What memory holds of it ends with it.
    pub fn writes_to_disk(&self) -> bool {
        self.sandbox.as_ref().is_some_and(|sandbox| sandbox.upper().is_some())
    }

    /// Processes beside the first, if somebody counts them.
    pub fn commands(&self) -> Option<u64> {
        let usage = self.sandbox.as_ref()?.usage().ok()?;
        Some(usage.pids?.saturating_sub(1))
    }

    /// Ends it.
    pub fn destroy(mut self) -> Result<(), Error> {
        match self.sandbox.take() {
            Some(sandbox) => Ok(sandbox.destroy()?),
            None => Ok(()),
        }
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        if let Some(sandbox) = self.sandbox.as_ref().filter(|_| !self.stays) {
            // What cannot go on is ended by who asks it next.
            let _ = sandbox.thaw();
        }
    }
}
