//! What a process's code acts for. Pure.

use crate::{Cause, Envelope, Millis, Origin, ProcessId, Segment, Seq};

/// What a process's code acts for: the envelope of the message it has taken
/// last, or its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InHand {
    /// The request it all goes back to.
    pub root: String,
    /// Messages and spawns between the root and this.
    pub hops: u32,
    /// What the message or the process comes from, as far as that was noted.
    pub cause: Option<Cause>,
    /// From then on nobody wants it done.
    pub deadline: Option<Millis>,
    /// Whose budget pays for it.
    pub account: Option<ProcessId>,
}

impl InHand {
    /// The envelope a process is born with.
    pub fn own(segment: &Segment) -> InHand {
        let carried = segment.carried.as_deref().cloned().unwrap_or_default();
        InHand {
            root: segment.root.clone(),
            hops: segment.hops,
            cause: cause(&segment.origin, carried.cause),
            deadline: carried.deadline,
            account: carried.account,
        }
    }

    /// That of a message to a process of this segment.
    pub fn taken(segment: &Segment, from: &Origin, envelope: &Envelope) -> InHand {
        let own = InHand::own(segment);
        let Envelope { root, hops, carried } = envelope;
        InHand {
            root: root.clone().unwrap_or(own.root),
            hops: *hops,
            cause: cause(from, carried.cause),
            deadline: Envelope::sooner(own.deadline, carried.deadline),
            account: carried.account.clone().or(own.account),
        }
    }
}

fn cause(from: &Origin, seq: Option<Seq>) -> Option<Cause> {
    match (from, seq) {
        (Origin::Process(process), Some(seq)) => Some(Cause { process: process.clone(), seq }),
        _ => None,
    }
}
