//! Messages a process sends: at once, when there is room, or not at all.

use super::core::{Core, Outcome, Unsent};
use super::recorded::Recorded;
use crate::code::Room;
use greenroom_model::{Event, Failure, Op, failure};
use std::time::Duration;

/// When to look again at the latest whether a mailbox has room: who made room
/// says so, unless it went down with the node.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// How many commands the code has issued at most in one go before its next send
/// waits for their commit.
const SENDS_MAX: usize = 256;

impl Core {
    /// Sends a message as operation `op`, which waits: for its reply, for room,
    /// or for nothing.
    pub fn send(&mut self, op: Op, unsent: Unsent) -> Result<(), Failure> {
        match self.room(op, &unsent) {
            Room::Open => {
                self.wait(op, unsent.call);
                self.sent(op, unsent);
                Ok(())
            }
            Room::Full => {
                let (to, topic) = (unsent.to.clone(), unsent.topic.clone());
                let until = self.now.after(LOOK_AGAIN_AFTER);
                self.ask(Event::SendBlocked { op, to, topic, until });
                self.wait_for_room(op, unsent);
                Ok(())
            }
            Room::Refused => Err(self.refuse(op, unsent)),
        }
    }

    /// Sends a message at once, or not at all.
    pub fn try_send(&mut self, op: Op, unsent: Unsent) -> Result<(), Failure> {
        let Unsent { to, topic, .. } = &unsent;
        let room = match self.recorded() {
            Some(Recorded::NotSent { op: other, .. }) if *other == op => Room::Refused,
            Some(_) => Room::Open,
            None if self.replaying => Room::Open,
            None => (self.identity.has_room)(to, topic),
        };
        if room != Room::Open {
            return Err(self.refuse(op, unsent));
        }
        let Unsent { to, topic, body, call, deadline } = unsent;
        self.ask(Event::MessageSent { op, to, topic, body, call, deadline });
        Ok(())
    }

    pub(super) fn room(&self, op: Op, unsent: &Unsent) -> Room {
        match self.recorded() {
            Some(Recorded::NotSent { op: other, room }) if *other == op => *room,
            Some(_) => Room::Open,
            None if self.replaying => Room::Open,
            // A turn is committed before it takes all memory there is.
            None if self.commands.len() >= SENDS_MAX => Room::Full,
            None => match (self.identity.has_room)(&unsent.to, &unsent.topic) {
                // Who waits for its own mailbox would wait for ever.
                Room::Full if unsent.to == self.identity.id => Room::Refused,
                room => room,
            },
        }
    }

    pub(super) fn refuse(&mut self, op: Op, unsent: Unsent) -> Failure {
        let Unsent { to, topic, .. } = unsent;
        let words = format!("the mailbox of {to} is full; `{topic}` was not sent to it");
        self.ask(Event::SendRefused { op, to, topic });
        Failure::new(failure::MAILBOX_FULL, words)
    }

    pub(super) fn sent(&mut self, op: Op, unsent: Unsent) {
        let Unsent { to, topic, body, call, deadline } = unsent;
        self.ask(Event::MessageSent { op, to, topic, body, call, deadline });
        if !call {
            self.no_record(op);
            self.resolve(op, Outcome::Fired);
        }
    }
}
