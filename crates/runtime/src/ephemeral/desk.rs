//! What the operations of an ephemeral process keep between polls. Touched
//! only by the loop that polls it.

use super::address::Address;
use super::mail::Control;
use crate::ctx::{Chance, Outcome};
use greenroom_model::{Exit, Failure, Payload, ProcessId, ReplyTo, failure};
use std::collections::BTreeMap;
use std::task::Waker;

/// So many children are noted before any is forgotten.
const CHILDREN_MIN: usize = 64;

#[derive(Default)]
pub(crate) struct Desk {
    /// Made when first asked for.
    pub id: Option<ProcessId>,
    pub chance: Option<Chance>,
    pub state: BTreeMap<String, Payload>,
    /// Why it was asked to stop, and how often.
    pub cancelled: Option<String>,
    pub cancels: u32,
    /// Calls it has taken and not answered.
    pub owed: Vec<ReplyTo>,
    /// Those it has spawned; some may have ended since.
    pub children: Vec<Address>,
    children_max: usize,
    waits: BTreeMap<u32, Wait>,
    last_number: u32,
    /// Parts of the code that look again at every poll.
    wakers: Vec<Waker>,
}

#[derive(Default)]
struct Wait {
    outcome: Option<Outcome>,
    waker: Option<Waker>,
}

impl Desk {
    /// As at first, but for the id.
    pub fn of(id: Option<ProcessId>) -> Desk {
        Desk { id, ..Desk::default() }
    }

    /// A number no operation has had.
    pub fn number(&mut self) -> u32 {
        self.last_number = self.last_number.wrapping_add(1);
        self.last_number
    }

    /// The number of a new wait.
    pub fn begin_wait(&mut self) -> u32 {
        let number = self.number();
        self.waits.insert(number, Wait::default());
        number
    }

    /// Notes a child. Those that have ended are forgotten whenever there are
    /// twice as many as there were at work.
    pub fn add_child(&mut self, child: Address, is_at_work: impl Fn(Address) -> bool) {
        if self.children.len() >= self.children_max {
            self.children.retain(|child| is_at_work(*child));
            self.children_max = CHILDREN_MIN.max(self.children.len() * 2);
        }
        self.children.push(child);
    }

    /// The outcome of a wait, if it is there; else `waker` is kept for it.
    pub fn look(&mut self, number: u32, waker: Option<&Waker>) -> Option<Outcome> {
        let wait = self.waits.get_mut(&number)?;
        let outcome = wait.outcome.take();
        if outcome.is_some() {
            self.waits.remove(&number);
        } else {
            wait.waker = waker.cloned();
        }
        outcome
    }

    pub fn forget(&mut self, number: u32) {
        self.waits.remove(&number);
    }

    /// Has a part of the code polled again with the next poll.
    pub fn look_again(&mut self, waker: &Waker) {
        if !self.wakers.iter().any(|kept| kept.will_wake(waker)) {
            self.wakers.push(waker.clone());
        }
    }

    /// Takes in what has come; gives back whom to wake.
    pub fn take_in(&mut self, control: Vec<Control>) -> Vec<Waker> {
        let mut wakers = std::mem::take(&mut self.wakers);
        for control in control {
            match control {
                Control::Exited { wait, exit } => {
                    self.resolve(wait, Outcome::Exited(exit), &mut wakers);
                }
                Control::Reply { wait, result } => {
                    self.resolve(wait, Outcome::Value(result), &mut wakers);
                }
                Control::Cancel { reason } => self.cancel(&reason, &mut wakers),
            }
        }
        wakers
    }

    fn resolve(&mut self, number: u32, outcome: Outcome, wakers: &mut Vec<Waker>) {
        if let Some(wait) = self.waits.get_mut(&number)
            && wait.outcome.is_none()
        {
            wait.outcome = Some(outcome);
            wakers.extend(wait.waker.take());
        }
    }

    fn cancel(&mut self, reason: &str, wakers: &mut Vec<Waker>) {
        self.cancelled = Some(reason.to_owned());
        self.cancels += 1;
        let waiting: Vec<u32> = self.waits.keys().copied().collect();
        for number in waiting {
            let failure = Failure::fatal(failure::CANCELLED, reason);
            self.resolve(number, Outcome::Value(Err(failure)), wakers);
        }
    }
}

/// What a watcher hears at once of a process that has ended.
pub(super) fn nobody(wait: u32, exit: Exit) -> Control {
    Control::Exited { wait, exit }
}
