//! Which mailboxes are full, and who waits for room in them. In memory only: a
//! mailbox is measured when its process is loaded and at every visit. One that a
//! sender waited for when its node went down is taken for full until then.

use crate::code::{Doors, Room};
use crate::registry::{Mailbox, Overflow};
use greenroom_model::pattern::matches;
use greenroom_model::{Millis, ProcessId, ProcessNo};
use serde::Serialize;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often a full mailbox is looked at although nothing comes for it: who was
/// admitted may have ended instead.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A process's mailbox, as its senders see it.
pub(crate) struct Door {
    pub id: ProcessId,
    pub no: ProcessNo,
    pub mailbox: Arc<Mailbox>,
    /// It stands among the full ones.
    pub full: AtomicBool,
    /// Some of what lies in it may be dropped to make room.
    pub droppable: AtomicBool,
}

impl Door {
    /// Whether so much fills it.
    pub fn is_filled_by(&self, messages: usize, bytes: usize) -> bool {
        messages >= self.mailbox.messages_max || bytes >= self.mailbox.bytes_max
    }

    /// What becomes of a message under this topic while it is full.
    fn room_for(&self, topic: &str) -> Room {
        match &self.mailbox.overflow {
            Overflow::Suspend => Room::Full,
            Overflow::Refuse => Room::Refused,
            Overflow::DropOldest { topics } => {
                let marked = topics.iter().any(|pattern| matches(pattern, topic));
                match marked || self.droppable.load(Ordering::Acquire) {
                    true => Room::Open,
                    false => Room::Full,
                }
            }
        }
    }

    /// How many messages fit in: none until half of it is empty, so that senders
    /// are not woken for each.
    fn room(&self, messages: usize, bytes: usize) -> usize {
        let Mailbox { messages_max, bytes_max, .. } = *self.mailbox;
        if self.droppable.load(Ordering::Acquire) {
            return messages_max;
        }
        match messages <= messages_max / 2 && bytes <= bytes_max / 2 {
            true => messages_max - messages,
            false => 0,
        }
    }
}

/// A full mailbox, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FullMailbox {
    /// Whose it is.
    pub id: ProcessId,
    /// How many messages it had when it was last looked at.
    pub messages: usize,
    /// How many fill it.
    pub messages_max: usize,
    /// How many processes wait for room.
    pub blocked: usize,
    /// Since when it is full.
    pub since: Millis,
}

struct Full {
    door: Arc<Door>,
    since: Millis,
    messages: usize,
    /// Who waits, in order; also some who have given up.
    line: VecDeque<ProcessNo>,
    /// Without those.
    waiting: HashSet<ProcessNo>,
    /// Who may send one message although it is full.
    admitted: HashSet<ProcessNo>,
    /// When to look at it again at the latest.
    look_at: Millis,
}

impl Doors for Rooms {
    fn room(&self, to: &ProcessId, topic: &str) -> Room {
        // Nearly always none is full.
        if self.count.load(Ordering::Acquire) == 0 {
            return Room::Open;
        }
        self.full().get(to).map_or(Room::Open, |full| full.door.room_for(topic))
    }

    fn spilled(&self, publisher: &ProcessId) -> Option<ProcessId> {
        if self.count.load(Ordering::Acquire) == 0 {
            return None;
        }
        let mut spilled = self.spilled.lock().unwrap_or_else(PoisonError::into_inner);
        let to = spilled.remove(publisher)?;
        let waits = to != *publisher && self.room(&to, "") == Room::Full;
        waits.then_some(to)
    }
}

/// The mailboxes that are full.
#[derive(Default)]
pub(crate) struct Rooms {
    count: AtomicUsize,
    full: Mutex<HashMap<ProcessId, Full>>,
    /// Messages dropped to make room, since the node has started.
    pub dropped: AtomicUsize,
    /// Those that were taken for full once: from then on they are measured.
    presumed: Mutex<HashSet<ProcessId>>,
    /// Into which full mailbox each has published last.
    spilled: Mutex<HashMap<ProcessId, ProcessId>>,
}

/// How many publishers are remembered; beyond it those are forgotten whose
/// mailboxes have room again.
const SPILLED_MAX: usize = 10_000;

impl Rooms {
    fn full(&self) -> MutexGuard<'_, HashMap<ProcessId, Full>> {
        self.full.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A process has published to a mailbox that is full.
    pub fn spill(&self, publisher: &ProcessId, to: &ProcessId) {
        let mut spilled = self.spilled.lock().unwrap_or_else(PoisonError::into_inner);
        if spilled.len() >= SPILLED_MAX {
            let full = self.full();
            spilled.retain(|_, to| full.contains_key(to));
        }
        spilled.insert(publisher.clone(), to.clone());
    }

    /// Whether the process has to wait for room in it. It is woken when there is.
    pub fn waits(&self, to: &ProcessId, topic: &str, sender: ProcessNo) -> bool {
        if self.count.load(Ordering::Acquire) == 0 {
            return false;
        }
        let mut all = self.full();
        let Some(full) = all.get_mut(to) else { return false };
        let waits = full.door.room_for(topic) == Room::Full && full.door.no != sender;
        if !waits || full.admitted.remove(&sender) {
            return false;
        }
        if full.waiting.insert(sender) {
            full.line.push_back(sender);
        }
        true
    }

    /// A mailbox has been found full. Gives back when to look at it again.
    pub fn fill(&self, door: &Arc<Door>, messages: usize, now: Millis) -> Millis {
        let mut all = self.full();
        door.full.store(true, Ordering::Release);
        let full = all.entry(door.id.clone()).or_insert_with(|| {
            self.count.fetch_add(1, Ordering::AcqRel);
            Full {
                door: door.clone(),
                since: now,
                messages,
                line: VecDeque::new(),
                waiting: HashSet::new(),
                admitted: HashSet::new(),
                look_at: now.after(LOOK_EVERY),
            }
        });
        full.door = door.clone();
        full.messages = messages;
        full.look_at
    }

    /// A full mailbox holds so much now. Gives back who may send into it, and
    /// when to look again.
    pub fn drain(
        &self,
        door: &Door,
        messages: usize,
        bytes: usize,
        now: Millis,
    ) -> (Vec<ProcessNo>, Option<Millis>) {
        let mut all = self.full();
        let Some(full) = all.get_mut(&door.id) else { return (Vec::new(), None) };
        full.messages = messages;
        let mut look_at = None;
        if now >= full.look_at {
            full.admitted.clear();
            full.look_at = now.after(LOOK_EVERY);
            look_at = Some(full.look_at);
        }
        let room = door.room(messages, bytes).saturating_sub(full.admitted.len());
        let mut admitted = Vec::new();
        while admitted.len() < room
            && let Some(sender) = full.line.pop_front()
        {
            if full.waiting.remove(&sender) {
                full.admitted.insert(sender);
                admitted.push(sender);
            }
        }
        if room > 0 && full.line.is_empty() {
            door.full.store(false, Ordering::Release);
            all.remove(&door.id);
            self.count.fetch_sub(1, Ordering::AcqRel);
            look_at = None;
        }
        (admitted, look_at)
    }

    /// A sender no longer waits. Gives back the receiver, if others may come in in
    /// its place.
    pub fn gave_up(&self, to: &ProcessId, sender: ProcessNo) -> Option<ProcessNo> {
        if self.count.load(Ordering::Acquire) == 0 {
            return None;
        }
        let mut all = self.full();
        let full = all.get_mut(to)?;
        full.waiting.remove(&sender);
        full.admitted.remove(&sender).then_some(full.door.no)
    }

    /// For whose mailbox each of these waits, if it waits for one.
    pub fn waiting(&self, of: &HashSet<ProcessNo>) -> Vec<(ProcessNo, ProcessId)> {
        let all = self.full();
        let waits = |full: &Full| -> Vec<(ProcessNo, ProcessId)> {
            let here = of.iter().filter(|no| full.waiting.contains(no));
            here.map(|no| (*no, full.door.id.clone())).collect()
        };
        all.values().flat_map(waits).collect()
    }

    /// Whether it was taken for full before, in this node's life.
    pub fn was_presumed(&self, to: &ProcessId) -> bool {
        self.presumed.lock().unwrap_or_else(PoisonError::into_inner).contains(to)
    }

    /// It is taken for full, if nothing is known of it: once. `false`: it is known.
    pub fn presume(&self, to: &ProcessId) -> bool {
        let mut presumed = self.presumed.lock().unwrap_or_else(PoisonError::into_inner);
        presumed.insert(to.clone()) && !self.knows(to)
    }

    /// Whether it is known to be full.
    pub fn knows(&self, to: &ProcessId) -> bool {
        self.count.load(Ordering::Acquire) > 0 && self.full().contains_key(to)
    }

    /// Its process has ended. Gives back who waits for room in it.
    pub fn close(&self, door: &Door) -> Vec<ProcessNo> {
        if !door.full.swap(false, Ordering::AcqRel) {
            return Vec::new();
        }
        let gone = self.full().remove(&door.id);
        self.count.fetch_sub(usize::from(gone.is_some()), Ordering::AcqRel);
        gone.map(|full| full.line.into()).unwrap_or_default()
    }

    /// A door to the mailbox of a process that is brought into memory.
    pub fn door(&self, id: &ProcessId, no: ProcessNo, mailbox: Arc<Mailbox>) -> Arc<Door> {
        let (full, droppable) = (AtomicBool::new(self.knows(id)), AtomicBool::new(false));
        Arc::new(Door { id: id.clone(), no, mailbox, full, droppable })
    }

    /// Every full one, the fullest first.
    pub fn list(&self) -> Vec<FullMailbox> {
        let all = self.full();
        let mut list: Vec<FullMailbox> = all
            .values()
            .map(|full| FullMailbox {
                id: full.door.id.clone(),
                messages: full.messages,
                messages_max: full.door.mailbox.messages_max,
                blocked: full.waiting.len(),
                since: full.since,
            })
            .collect();
        list.sort_by(|a, b| (b.blocked, b.messages, &a.id).cmp(&(a.blocked, a.messages, &b.id)));
        list
    }
}
