//! Links: processes that share their ends.

use super::core::{Outcome, lock};
use super::handle::Ctx;
use super::operation::{Operation, unexpected};
use greenroom_model::{Event, Exit, Failure, Filter, ProcessId};

impl Ctx {
    /// From now on this process and `target` share their ends: when one ends for
    /// any reason but `normal`, the other is asked to stop and ends for the same
    /// reason, or with [`trap_exit`](Ctx::trap_exit) gets it as a message. Both
    /// ways; linking twice is one link. A target that has ended or never was is
    /// heard of at once.
    ///
    /// # Errors
    /// `needs_journal` in an ephemeral process.
    pub fn link(&self, target: &ProcessId) -> Result<(), Failure> {
        let mut core = lock(self.core("a link")?);
        if core.identity.id != *target {
            let op = core.number();
            core.ask(Event::Linked { op, target: target.clone() });
        }
        Ok(())
    }

    /// They no longer do. What has not been heard of the other's end by now will
    /// not be.
    pub fn unlink(&self, target: &ProcessId) {
        let Ok(core) = self.core("a link") else { return };
        let mut core = lock(core);
        let op = core.number();
        core.ask(Event::Unlinked { op, target: target.clone() });
    }

    /// With `true` the ends of linked processes come as messages, also normal
    /// ones, to be taken with [`recv_exit`](Ctx::recv_exit). With `false` (as at
    /// the start) they end this process, also those that were not taken.
    ///
    /// # Errors
    /// `needs_journal` in an ephemeral process.
    pub fn trap_exit(&self, on: bool) -> Result<(), Failure> {
        lock(self.core("a link")?).ask(Event::TrapExitSet { on });
        Ok(())
    }

    /// Takes the next end of a linked process or a supervised child.
    pub fn recv_exit(&self) -> Operation<(ProcessId, Exit)> {
        self.journaled(
            "a link",
            |core| {
                let op = core.number();
                core.receive(op, Filter { exits: true, ..Filter::default() });
                Ok(op)
            },
            |outcome| match outcome {
                Outcome::ChildExited(id, exit) => Ok((id, exit)),
                Outcome::Value(Err(failure)) => Err(failure),
                other => Err(unexpected(&other)),
            },
        )
    }
}
