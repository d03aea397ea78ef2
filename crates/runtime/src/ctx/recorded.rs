//! What code may know of the commands its journal already holds: replay asks
//! little of them, so they are not copied.

use crate::code::Room;
use greenroom_model::{Event, Kind, Op, ProcessId};

/// A command that stands in the journal where the code's next one will.
#[derive(Debug)]
pub(crate) enum Recorded {
    /// The code had this version of a named change.
    Version { change: String, version: u32 },
    /// A child was started.
    Spawned { op: Op, kind: Kind },
    /// A child was not: there was no code for it.
    Refused { op: Op },
    /// A message had to wait, or was not sent at all.
    NotSent { op: Op, to: ProcessId, room: Room },
    /// What it costs was not paid: it waited, or was not done at all.
    NotPaid { op: Op, waits: bool },
    /// Any other, of which only its place counts.
    Other,
}

impl Recorded {
    pub fn of(event: &Event) -> Recorded {
        match event {
            Event::VersionMarked { change, version } => {
                Recorded::Version { change: change.clone(), version: *version }
            }
            Event::ProcessSpawned { op, kind, .. } => {
                Recorded::Spawned { op: *op, kind: kind.clone() }
            }
            Event::SendBlocked { op, to, .. } => {
                Recorded::NotSent { op: *op, to: to.clone(), room: Room::Full }
            }
            Event::SendRefused { op, to, .. } => {
                Recorded::NotSent { op: *op, to: to.clone(), room: Room::Refused }
            }
            Event::SpendBlocked { op, .. } => Recorded::NotPaid { op: *op, waits: true },
            Event::SpendRefused { op, .. } => Recorded::NotPaid { op: *op, waits: false },
            Event::SpawnRefused { op, .. } => Recorded::Refused { op: *op },
            _ => Recorded::Other,
        }
    }
}
