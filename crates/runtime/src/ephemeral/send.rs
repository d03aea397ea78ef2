//! Sending to an ephemeral process.

use super::address::Address;
use super::cell::MAILBOX_MAX;
use super::here::schedule;
use super::mail::{Control, Envelope};
use super::pool::Pool;
use greenroom_model::{Failure, ReplyTo, failure};

/// What came of sending.
pub(crate) enum Sent {
    /// The receiver has it; `queued`: it is to be put into a queue.
    Yes { queued: bool },
    /// There is no such process.
    Nobody,
    /// The mailbox is full.
    Full(Envelope),
}

impl Pool {
    /// Puts a message into a mailbox. `line`: who waits for room if there is
    /// none, and its ticket.
    pub fn send(
        &self,
        to: Address,
        envelope: Envelope,
        line: Option<(Address, &mut Option<u64>)>,
    ) -> Sent {
        let Some(mut cell) = self.at_work(to) else {
            return Sent::Nobody;
        };
        if cell.full || cell.mail.len() >= MAILBOX_MAX {
            if let Some((sender, ticket)) = line {
                cell.more().line_up(sender, ticket);
            }
            return Sent::Full(envelope);
        }
        cell.push_mail(envelope);
        Sent::Yes { queued: cell.rouse() }
    }

    /// Puts a control message into a mailbox; gives it back if nobody is there.
    pub fn control(&self, to: Address, control: Control) -> Option<Control> {
        let Some(mut cell) = self.at_work(to) else {
            return Some(control);
        };
        cell.more().control.push(control);
        let rouse = cell.rouse();
        drop(cell);
        if rouse {
            schedule(self, to);
        }
        None
    }

    /// Answers a call of an ephemeral process.
    pub fn reply(&self, to: &ReplyTo, result: Result<greenroom_model::Payload, Failure>) {
        let wait = u32::try_from(to.op.0).unwrap_or(0);
        if let Some(address) = Address::of(&to.process) {
            // A caller that has ended waits no longer.
            let _ = self.control(address, Control::Reply { wait, result });
        }
    }
}

pub(crate) fn no_reply() -> Failure {
    Failure::fatal(failure::NO_PROCESS, "the process that was called ended without a reply")
}

pub(crate) fn is_full() -> Failure {
    let words =
        format!("its mailbox has {MAILBOX_MAX} messages; `ctx.send(…).await` waits for room");
    Failure::new(failure::MAILBOX_FULL, words)
}
