//! Messages a process sends: at once, when there is room, or not at all.

use super::core::{Core, Outcome, Unsent, Waits};
use super::pay::Pay;
use super::recorded::Recorded;
use crate::code::Room;
use greenroom_model::budget::Spend;
use greenroom_model::{Event, Failure, Need, Op, ProcessId, failure};

/// How many commands the code has issued at most in one go before its next send
/// waits for their commit.
const SENDS_MAX: usize = 256;

/// Whether a message can be sent now.
enum Gate {
    Open,
    Full,
    Unpaid(Box<Need>),
}

impl Core {
    /// Sends a message as operation `op`, which waits: for its reply, for room,
    /// for its budget, or for nothing.
    pub fn send(&mut self, op: Op, unsent: Unsent) -> Result<(), Failure> {
        let gate = self.gate(op, &unsent, false)?;
        self.wait(op, unsent.call || !matches!(gate, Gate::Open));
        self.pass(op, unsent, gate);
        Ok(())
    }

    /// It has been waited for, and is tried again. `let_in`: there is room.
    pub(super) fn send_again(&mut self, op: Op, unsent: Unsent, let_in: bool) {
        match self.gate(op, &unsent, let_in) {
            Ok(gate) => self.pass(op, unsent, gate),
            Err(failure) => drop(self.resolve(op, Outcome::Value(Err(failure)))),
        }
    }

    fn pass(&mut self, op: Op, unsent: Unsent, gate: Gate) {
        match gate {
            Gate::Open => self.sent(op, unsent),
            Gate::Full => self.wait_for_room(op, unsent),
            Gate::Unpaid(need) => self.wait_for_budget(op, unsent, need),
        }
    }

    fn wait_for_room(&mut self, op: Op, unsent: Unsent) {
        let (to, topic) = (unsent.to.clone(), unsent.topic.clone());
        self.ask(Event::SendBlocked { op, to, topic });
        self.put_off(op, Waits::ForRoom(unsent));
    }

    fn wait_for_budget(&mut self, op: Op, unsent: Unsent, need: Box<Need>) {
        self.ask(Event::SpendBlocked { op, need });
        self.put_off(op, Waits::ToSend(unsent));
    }

    /// The mailbox that this process filled when it published last, if that still is
    /// full.
    pub(super) fn full_of_the_last(&self, op: Op) -> Option<ProcessId> {
        match self.recorded() {
            Some(Recorded::NotSent { op: other, to, .. }) if *other == op => Some(to.clone()),
            Some(_) => None,
            None if self.replaying => None,
            None => self.identity.has_room.spilled(&self.identity.id),
        }
    }

    /// Makes `op` wait for room in it.
    pub(super) fn publish_later(&mut self, op: Op, to: ProcessId, publish: Event) {
        let topic = match &publish {
            Event::Published { topic, .. } => topic.clone(),
            _ => String::new(),
        };
        self.ask(Event::SendBlocked { op, to, topic });
        self.wait(op, true);
        self.put_off(op, Waits::ToDo(vec![publish]));
    }

    /// # Errors
    /// It is not sent, and nobody waits.
    fn gate(&mut self, op: Op, unsent: &Unsent, let_in: bool) -> Result<Gate, Failure> {
        match self.room(op, unsent) {
            Room::Refused => Err(self.refuse(op, unsent)),
            Room::Full if !let_in => Ok(Gate::Full),
            Room::Open | Room::Full => match self.pay(op, Spend::messages(1)) {
                Pay::Paid => Ok(Gate::Open),
                Pay::Waits(need) => Ok(Gate::Unpaid(need)),
                Pay::Refused(need, failure) => {
                    self.ask(Event::SpendRefused { op, need });
                    Err(failure)
                }
            },
        }
    }

    /// Sends a message at once, or not at all.
    pub fn try_send(&mut self, op: Op, unsent: Unsent) -> Result<(), Failure> {
        let Unsent { to, topic, .. } = &unsent;
        let room = match self.recorded() {
            Some(Recorded::NotSent { op: other, .. }) if *other == op => Room::Refused,
            Some(_) => Room::Open,
            None if self.replaying => Room::Open,
            None => self.identity.has_room.room(to, topic),
        };
        if room != Room::Open {
            return Err(self.refuse(op, &unsent));
        }
        self.pay_now(op, Spend::messages(1))?;
        let Unsent { to, topic, body, call, deadline } = unsent;
        self.ask(Event::MessageSent { op, to, topic, body, call, deadline });
        Ok(())
    }

    fn room(&self, op: Op, unsent: &Unsent) -> Room {
        match self.recorded() {
            Some(Recorded::NotSent { op: other, room, .. }) if *other == op => *room,
            Some(_) => Room::Open,
            None if self.replaying => Room::Open,
            // A turn is committed before it takes all memory there is.
            None if self.commands.len() >= SENDS_MAX => Room::Full,
            None => match self.identity.has_room.room(&unsent.to, &unsent.topic) {
                // Who waits for its own mailbox would wait for ever.
                Room::Full if unsent.to == self.identity.id => Room::Refused,
                room => room,
            },
        }
    }

    fn refuse(&mut self, op: Op, unsent: &Unsent) -> Failure {
        let (to, topic) = (unsent.to.clone(), unsent.topic.clone());
        let words = format!("the mailbox of {to} is full; `{topic}` was not sent to it");
        self.ask(Event::SendRefused { op, to, topic });
        Failure::new(failure::MAILBOX_FULL, words)
    }

    fn sent(&mut self, op: Op, unsent: Unsent) {
        let Unsent { to, topic, body, call, deadline } = unsent;
        self.ask(Event::MessageSent { op, to, topic, body, call, deadline });
        if !call {
            self.no_record(op);
            self.resolve(op, Outcome::Fired);
        }
    }
}
