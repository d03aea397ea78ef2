//! One ephemeral process's place in the table. Behind one lock, which is held
//! for moments and never while another cell's is.

use super::address::Address;
use super::desk::Desk;
use super::mail::{Code, Control, Envelope, Work};
use super::restart::Bucket;
use super::root::Root;
use greenroom_model::{Exit, Payload, ProcessId};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::oneshot;

/// How many messages wait for a process at most.
pub(crate) const MAILBOX_MAX: usize = 1_024;

/// How many operations may be done in one poll before others get their turn.
pub(crate) const OPERATIONS_MAX: u32 = 128;

/// What a cell's tenant does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum State {
    /// There is none.
    #[default]
    Free,
    /// It waits.
    Idle,
    /// It stands in a run queue.
    Queued,
    /// A loop polls it.
    Running,
    /// A loop polls it, and something has come since that began.
    Again,
    /// It has ended, and somebody may still ask how.
    Ended,
}

#[derive(Default)]
pub(crate) struct Cell {
    pub generation: u32,
    pub state: State,
    /// It has not been polled yet: its code must wait for something before it can
    /// hear that it is to stop.
    pub fresh: bool,
    /// Its mailbox was full when it was taken out to be polled: what is not taken
    /// comes back, so nothing may be put in its place meanwhile.
    pub full: bool,
    /// How many handles its parent has of it.
    pub handles: u32,
    pub mail: VecDeque<Envelope>,
    /// `None` while it is polled.
    pub body: Option<Body>,
    /// What only some have.
    pub more: Option<Box<More>>,
}

/// What moves to the loop that polls it.
pub(crate) struct Body {
    pub work: Work,
    pub code: Arc<Code>,
    pub root: Arc<Root>,
    /// The ephemeral process that spawned it.
    pub parent: Option<ProcessId>,
    /// What its operations keep, once they keep anything.
    pub desk: Option<Box<Desk>>,
}

#[derive(Default)]
pub(crate) struct More {
    pub control: Vec<Control>,
    pub watchers: Vec<Watcher>,
    /// Who waits for room in the mailbox, longest first.
    pub no_room: VecDeque<Address>,
    /// How many have been let go of these.
    pub let_go: u64,
    /// It is to end as soon as it is not polled.
    pub kill: Option<String>,
    pub exit: Option<Exit>,
    pub supervised: Option<Supervised>,
}

/// Who hears of an end.
pub(crate) enum Watcher {
    Process(Address, u32),
    Outside(oneshot::Sender<Exit>),
}

/// A process that is started again when it fails.
pub(crate) struct Supervised {
    pub input: Payload,
    pub bucket: Bucket,
}

impl More {
    /// Puts a process into the line for room, unless its ticket says that it
    /// stands there; gives it its ticket.
    pub fn line_up(&mut self, address: Address, ticket: &mut Option<u64>) {
        if ticket.is_none_or(|ticket| ticket < self.let_go) {
            *ticket = Some(self.let_go + self.no_room.len() as u64);
            self.no_room.push_back(address);
        }
    }

    /// Takes those out of the line who may together fill so much room.
    pub fn let_go(&mut self, room: usize) -> Vec<Address> {
        let count = room.div_ceil(OPERATIONS_MAX as usize).min(self.no_room.len());
        self.let_go += count as u64;
        self.no_room.drain(..count).collect()
    }
}

impl Cell {
    pub fn more(&mut self) -> &mut More {
        self.more.get_or_insert_default()
    }

    /// Whether `address` is its tenant, and at work.
    pub fn is_at_work(&self, address: Address) -> bool {
        self.generation == address.generation() && !matches!(self.state, State::Free | State::Ended)
    }

    /// Something has come. `true`: it must be put into a run queue.
    pub fn rouse(&mut self) -> bool {
        match self.state {
            State::Idle => {
                self.state = State::Queued;
                true
            }
            State::Running => {
                self.state = State::Again;
                false
            }
            _ => false,
        }
    }

    pub fn push_mail(&mut self, envelope: Envelope) {
        if self.mail.capacity() == 0 {
            // Most have one message at a time; four would cost four times that.
            self.mail.reserve_exact(1);
        }
        self.mail.push_back(envelope);
    }
}
