//! Taking in many processes with their histories, all or none of them: what
//! an import brings, and what comes of it.

use crate::{Error, Outgoing, Spawn};
use greenroom_model::{Op, Payload, ProcessId};

/// A process that is to be taken in.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// The process with its history. Whose end it hears of is settled when all
    /// have come, so that their order does not matter.
    pub spawn: Spawn,
    /// Its mailbox, oldest message first.
    pub mailbox: Vec<Outgoing>,
    /// Calls it waits for, and whom it called: one whose callee is nowhere is
    /// answered `no_process`.
    pub calls: Vec<(Op, ProcessId)>,
}

impl Arrival {
    /// Every payload in it, the texts of turns aside.
    pub(crate) fn payloads_mut(&mut self, visit: &mut dyn FnMut(&mut Payload)) {
        self.spawn.payloads_mut(visit);
        self.mailbox.iter_mut().for_each(|send| send.content.payloads_mut(visit));
    }
}

/// What became of an import.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// How many processes were taken in.
    pub created: u64,
    /// How many were there already with the same history, maybe a longer one,
    /// and were left as they are.
    pub present: u64,
}

/// Gives one process after the other, `None` at the end. An error ends the
/// import, and nothing of it stays.
pub type Arrivals<'a> = dyn FnMut() -> Result<Option<Arrival>, Error> + 'a;
