//! What a box's mailbox and its topics are called.

use greenroom_boxes::hub::Resident;
use greenroom_model::{Error, ProcessId};

/// The kind of the processes that keep what is for a box.
pub const KIND: &str = "box_mailbox";

/// The name by which a process finds a box's mailbox: `ctx.send_to_name(&mailbox_name("work"), …)`
/// sends to the box.
#[must_use]
pub fn mailbox_name(name: &str) -> String {
    format!("box:{name}")
}

/// The process that keeps what is for a box. A box that has the name later has another one.
///
/// # Errors
/// A name that no box has.
pub fn mailbox_id(of: &Resident) -> Result<ProcessId, Error> {
    ProcessId::new(KIND, &format!("{}.{}", of.name, of.number))
}

/// Which box of its name it is, of those that had it.
pub(super) fn number(mailbox: &ProcessId) -> Option<u64> {
    mailbox.key().rsplit_once('.')?.1.parse().ok()
}

/// Under which topic others hear what a box says: its own name stands in it, so that no box can
/// say what is not its own, such as what a person tells an agent.
pub(super) fn topic(of: &Resident, topic: &str) -> String {
    format!("box.{}.{topic}", of.name)
}
