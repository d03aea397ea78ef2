//! How full mailboxes are: measured after each visit, so that senders wait for
//! room, are turned away, or old messages make room.

use super::cell::{Cell, Live};
use super::effects;
use super::rooms::Door;
use super::state::Engine;
use super::turn::Turn;
use crate::accounts::Wait;
use crate::registry::Overflow;
use greenroom_journal::Error;
use greenroom_model::pattern::matches;
use greenroom_model::{Content, Event, Kind, Message, Millis, Need, Op, ProcessId, ProcessNo};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// When to ask a store again that could not be read.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(500);

impl Engine {
    /// What the senders to a process see, from now on.
    pub(super) fn door(&self, cell: &Cell, id: &ProcessId, kind: &Kind) -> Arc<Door> {
        let door = self.rooms.door(id, cell.no, self.registry.mailbox(kind));
        cell.inbox().door = Some(door.clone());
        door
    }

    /// A message for a process.
    pub(crate) fn deliver(self: &Arc<Self>, no: ProcessNo, message: Message) {
        let mut filled = None;
        self.put(no, |inbox| filled = inbox.add(message));
        if let Some((door, messages)) = filled {
            self.fill(&door, messages);
        }
    }

    /// A message that was published: gives back the mailbox if it is full.
    pub(super) fn deliver_published(
        self: &Arc<Self>,
        no: ProcessNo,
        message: Message,
    ) -> Option<ProcessId> {
        self.deliver(no, message);
        let door = self.cells.put(no, |_| ()).inbox().door.clone();
        door.filter(|door| door.full.load(Ordering::Acquire)).map(|door| door.id.clone())
    }

    fn fill(self: &Arc<Self>, door: &Arc<Door>, messages: usize) {
        let first = !door.full.load(Ordering::Acquire);
        let look_at = self.rooms.fill(door, messages, self.env.now());
        if first {
            self.look_later(door.no, look_at);
        }
    }

    fn look_later(self: &Arc<Self>, no: ProcessNo, at: Millis) {
        let wait = self.env.sleep(at.since(self.env.now()));
        let engine = Arc::downgrade(self);
        self.env.spawn(Box::pin(async move {
            wait.await;
            if let Some(engine) = engine.upgrade() {
                engine.wake(no);
            }
        }));
    }

    /// Measures a mailbox after a visit, and lets in who waits if there is room.
    pub(super) fn gauge(self: &Arc<Self>, cell: &Cell, live: &Live) {
        let (door, lying) = (&live.door, live.mail.messages());
        let messages = {
            let mut inbox = cell.inbox();
            inbox.lying = lying;
            lying + inbox.mail.len()
        };
        let bytes = live.mail.bytes();
        let wake = |senders: Vec<ProcessNo>| senders.into_iter().for_each(|no| self.wake(no));
        let over = live.ledger.ended.is_some() && live.ledger.down.is_none();
        if over {
            return wake(self.rooms.close(door));
        }
        let filled = door.is_filled_by(messages, bytes);
        if let Overflow::DropOldest { topics } = &door.mailbox.overflow {
            let may = |topic: &str| topics.iter().any(|pattern| matches(pattern, topic));
            door.droppable.store(filled && live.mail.has_droppable(may), Ordering::Release);
        }
        if filled {
            self.fill(door, messages);
        }
        // Also if it is only taken for full.
        if door.full.load(Ordering::Acquire) || self.rooms.knows(&door.id) {
            let (admitted, look_at) = self.rooms.drain(door, messages, bytes, self.env.now());
            wake(admitted);
            if let Some(look_at) = look_at {
                self.look_later(cell.no, look_at);
            }
        }
    }

    /// A mailbox for which a sender waited when it was last in memory is full until
    /// it has been measured: the node may have started anew.
    ///
    /// # Errors
    /// The store's.
    pub(super) fn presume_full(self: &Arc<Self>, to: &ProcessId) -> Result<(), Error> {
        if self.rooms.was_presumed(to) {
            return Ok(());
        }
        let found = self.journal.find(to)?;
        if !self.rooms.presume(to) {
            return Ok(());
        }
        let Some(row) = found.filter(|row| !row.status.is_ended()) else {
            return Ok(());
        };
        let door = self.rooms.door(to, row.no, self.registry.mailbox(&row.kind));
        self.fill(&door, door.mailbox.messages_max);
        self.wake(row.no);
        Ok(())
    }

    /// What this event takes back need not be waited for: others may come in.
    pub(super) fn note_given_up(&self, live: &Live, event: &Event) {
        let blocked = &live.ledger.blocked;
        if blocked.is_empty() {
            return;
        }
        let all = event.is_end() || matches!(event, Event::CancelRequested { .. });
        let gone = |op: &Op| match event {
            Event::OperationDropped { op: dropped } | Event::TimerFired { op: dropped } => {
                op == dropped
            }
            _ => all,
        };
        for (_, send) in blocked.iter().filter(|(op, _)| gone(op)) {
            if let Some(receiver) = self.rooms.gave_up(&send.to, live.no) {
                self.wake(receiver);
            }
        }
    }

    /// A send that need not wait any longer.
    pub(super) fn next_unblocked(self: &Arc<Self>, live: &Live) -> Option<Event> {
        let mut blocked = live.ledger.blocked.iter();
        let room = blocked.find(|(_, send)| !self.rooms.waits(&send.to, &send.topic, live.no));
        let mut unpaid = live.ledger.unpaid.iter();
        let op = room.map(|(op, _)| op).or_else(|| {
            unpaid.find(|(op, need)| !self.waits_for_budget(live, **op, need)).map(|(op, _)| op)
        })?;
        Some(Event::SendUnblocked { op: *op })
    }

    fn waits_for_budget(self: &Arc<Self>, live: &Live, op: Op, need: &Need) -> bool {
        let wait = self.accounts.waits((live.no, op), need);
        if wait == Wait::Unknown {
            self.look_later(live.no, self.env.now().after(LOOK_AGAIN_AFTER));
        }
        wait != Wait::No
    }

    /// Drops old messages from a mailbox whose kind does, to make room.
    pub(super) fn make_room_in(&self, live: &mut Live, turn: &mut Turn) {
        let Overflow::DropOldest { topics } = &live.door.mailbox.overflow else { return };
        let may = |topic: &str| topics.iter().any(|pattern| matches(pattern, topic));
        let dropped = live.mail.drop_oldest(live.door.mailbox.messages_max, may);
        self.rooms.dropped.fetch_add(dropped.len(), Ordering::Relaxed);
        for message in dropped {
            turn.consumed.push(message.no);
            if let Content::User { reply_to: Some(caller), topic, .. } = &message.content {
                turn.sends.push(effects::dropped(&live.facts, caller, topic));
            }
        }
    }
}
