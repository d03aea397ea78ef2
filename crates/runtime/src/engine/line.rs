//! The node's queues, and the places steps have in them. Each queue decides as
//! `greenroom_model::queue` says; here is only who must hear of it, and when to
//! ask again.
//!
//! A [`Place`] gives itself back when it is dropped, so that no slot is lost
//! whatever becomes of the step: it panics, takes too long, is aborted, or its
//! process is paused, killed or taken back.

use crate::code::StepResult;
use crate::{Env, Registry};
use greenroom_model::queue::{Decision, Outcome, Queue, QueueSpec, QueueView, Ticket, Wish};
use greenroom_model::{Millis, Op, ProcessNo};
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

/// What the queue of a kind's own limit is called, before the kind's name. No
/// declared queue has a colon in its name.
pub(super) const OF_KIND: &str = "kind:";
/// And that of a kind's limit of processes under way.
const OF_PROCESSES: &str = "processes:";

/// Whose steps they are.
pub(crate) trait Guests: Send + Sync {
    /// Steps may begin at all.
    fn may_begin(&self) -> bool;

    /// A step of this process was let in, or sent away.
    fn tell(&self, no: ProcessNo);
}

pub(crate) struct Lines {
    guests: Weak<dyn Guests>,
    env: Arc<dyn Env>,
    queues: BTreeMap<Arc<str>, Mutex<Standing>>,
    /// Some kind has a limit of its own.
    of_kinds: bool,
    /// Steps are let in. Not before those that waited when the node went down
    /// have had the time to line up again.
    open: AtomicBool,
    /// Processes of kinds with a limit, as far as they have not ended: under
    /// way, or waiting to begin.
    members: Mutex<HashMap<ProcessNo, Place>>,
    /// Steps that wait for queues that are not declared here, since another
    /// binary did: they wait for one that does again.
    missing: Mutex<BTreeMap<Arc<str>, Missing>>,
    /// There may be some.
    lacks: AtomicBool,
    /// Places of processes that are not in memory.
    kept: Mutex<HashMap<ProcessNo, InLine>>,
}

struct Standing {
    queue: Queue,
    holders: HashMap<Ticket, Holder>,
    /// When it is asked again, if time alone lets in another.
    again_at: Option<Duration>,
}

#[derive(Default)]
struct Missing {
    last: u64,
    waiting: BTreeMap<Ticket, (ProcessNo, Millis)>,
}

struct Holder {
    no: ProcessNo,
    caller: Option<Caller>,
    stage: Arc<AtomicU8>,
}

impl Holder {
    fn call(&self) {
        if let Some((op, called)) = &self.caller {
            called.lock().unwrap_or_else(PoisonError::into_inner).push(*op);
        }
    }
}

/// Steps of one process that a queue has let in, or sent away, since it last
/// looked: it need not look through all that wait.
pub(crate) type Called = Mutex<Vec<Op>>;

/// Which step stands in a queue, and where it is called.
pub(crate) type Caller = (Op, Arc<Called>);

/// A process's steps that stand in queues, or are to. Small, since most have
/// none.
#[derive(Default)]
pub(crate) struct InLine {
    /// There is something to look at.
    pub changed: bool,
    lined: Option<Box<Lined>>,
}

#[derive(Default)]
struct Lined {
    /// Those to look at next, and whether the code has just asked for them.
    next: VecDeque<(Op, bool)>,
    waiting: BTreeMap<Op, Waiting>,
    called: Arc<Called>,
}

impl InLine {
    /// This step is to be looked at: it may have to line up. `new`: the code has
    /// just asked for it.
    pub fn add(&mut self, op: Op, new: bool) {
        self.lined.get_or_insert_default().next.push_back((op, new));
        self.changed = true;
    }

    /// The next step to look at, and whether it is new.
    pub fn next(&mut self) -> Option<(Op, bool)> {
        let lined = self.lined.as_mut()?;
        if lined.next.is_empty() {
            let mut called = lined.called.lock().unwrap_or_else(PoisonError::into_inner);
            lined.next.extend(called.drain(..).map(|op| (op, false)));
        }
        lined.next.pop_front()
    }

    /// A step's places, which are the caller's from here on.
    pub fn take(&mut self, op: Op) -> Option<Waiting> {
        self.lined.as_mut()?.waiting.remove(&op)
    }

    /// Puts them back.
    pub fn put(&mut self, op: Op, waiting: Waiting) {
        self.lined.get_or_insert_default().waiting.insert(op, waiting);
    }

    /// Where the queues call a step.
    pub fn caller(&mut self, op: Op) -> Caller {
        (op, self.lined.get_or_insert_default().called.clone())
    }

    /// Takes over what was kept, as far as it still counts.
    pub fn take_over(&mut self, kept: InLine, counts: impl Fn(Op, &Waiting) -> bool) {
        let Some(mut kept) = kept.lined else { return };
        kept.waiting.retain(|op, waiting| counts(*op, waiting));
        kept.next.extend(self.lined.take().into_iter().flat_map(|lined| lined.next));
        *self = InLine { changed: true, lined: Some(kept) };
    }

    fn is_empty(&self) -> bool {
        self.lined.as_ref().is_none_or(|lined| lined.waiting.is_empty())
    }
}

/// A step that stands in a queue.
#[derive(Default)]
pub(crate) struct Waiting {
    /// One for each queue it goes through, as far as it has come.
    pub places: Vec<Place>,
    /// The journal says, or is about to, that it was let in.
    pub told: bool,
}

/// A step's place in one queue.
pub(crate) struct Place {
    lines: Arc<Lines>,
    queue: Arc<str>,
    ticket: Ticket,
    stage: Arc<AtomicU8>,
}

const WAITS: u8 = 0;
const ADMITTED: u8 = 1;
const REFUSED: u8 = 2;

impl Lines {
    pub fn new(registry: &Registry, env: &Arc<dyn Env>, guests: Weak<dyn Guests>) -> Lines {
        let now = env.uptime();
        let of_kinds = registry
            .step_limits()
            .map(|(kind, steps)| QueueSpec::new(&format!("{OF_KIND}{kind}")).concurrency(steps));
        let of_kinds: Vec<QueueSpec> = of_kinds.collect();
        let has_kinds = !of_kinds.is_empty();
        let processes = registry.process_limits().map(|(kind, processes)| {
            QueueSpec::new(&format!("{OF_PROCESSES}{kind}")).concurrency(processes)
        });
        let of_kinds = of_kinds.into_iter().chain(processes);
        let queues = registry.queues().cloned().chain(of_kinds).map(|spec| {
            let name: Arc<str> = spec.name.as_str().into();
            let queue = Queue::new(spec, now);
            (name, Mutex::new(Standing { queue, holders: HashMap::new(), again_at: None }))
        });
        Lines {
            guests,
            env: env.clone(),
            queues: queues.collect(),
            of_kinds: has_kinds,
            open: AtomicBool::new(false),
            members: Mutex::default(),
            missing: Mutex::default(),
            lacks: AtomicBool::new(false),
            kept: Mutex::default(),
        }
    }

    /// The queue of this kind's own limit, if it has one.
    pub fn of_kind(&self, kind: &str) -> Option<Arc<str>> {
        if !self.of_kinds {
            return None;
        }
        let name = format!("{OF_KIND}{kind}");
        self.queues.get_key_value(name.as_str()).map(|(name, _)| name.clone())
    }

    pub fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }

    /// Whether a queue is declared.
    pub fn has(&self, queue: &str) -> bool {
        self.queues.contains_key(queue)
    }

    /// A step of `no` waits for a queue that is not declared.
    pub fn wait_for(self: &Arc<Self>, queue: &Arc<str>, no: ProcessNo, since: Millis) -> Place {
        self.lacks.store(true, Ordering::Release);
        let mut missing = self.missing();
        let waiting = missing.entry(queue.clone()).or_default();
        waiting.last += 1;
        let ticket = Ticket(waiting.last);
        waiting.waiting.insert(ticket, (no, since));
        let stage = Arc::new(AtomicU8::new(WAITS));
        Place { lines: self.clone(), queue: queue.clone(), ticket, stage }
    }

    fn missing(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Missing>> {
        self.missing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lines up a step of `no`. It may be let in at once, of which its process
    /// is not told. `None`: there is no such queue.
    pub fn enter(
        self: &Arc<Self>,
        queue: &str,
        no: ProcessNo,
        caller: Option<Caller>,
        wish: &Wish,
    ) -> Option<Place> {
        let (queue, standing) = self.queues.get_key_value(queue)?;
        let (queue, stage) = (queue.clone(), Arc::new(AtomicU8::new(WAITS)));
        let ticket = {
            let mut standing = lock(standing);
            let ticket = standing.queue.enter(wish);
            standing.holders.insert(ticket, Holder { no, caller, stage: stage.clone() });
            ticket
        };
        self.decide(&queue, Some(ticket));
        Some(Place { lines: self.clone(), queue, ticket, stage })
    }

    /// Lets in whom the queue can, and tells their processes, but for `own`.
    fn decide(self: &Arc<Self>, name: &Arc<str>, own: Option<Ticket>) {
        let Some(guests) = self.guests.upgrade() else { return };
        if !self.open.load(Ordering::Acquire) || !guests.may_begin() {
            return;
        }
        let Some(standing) = self.queues.get(name) else { return };
        let mut told = Vec::new();
        let mut again = None;
        {
            let mut standing = lock(standing);
            let now = self.env.uptime();
            let Decision { admitted, refused, again_at } = standing.queue.decide(now);
            let stages = [(admitted, ADMITTED), (refused, REFUSED)];
            for (ticket, stage) in stages
                .into_iter()
                .flat_map(|(tickets, stage)| tickets.into_iter().map(move |ticket| (ticket, stage)))
            {
                if let Some(holder) = standing.holders.get(&ticket) {
                    holder.stage.store(stage, Ordering::Release);
                    if own != Some(ticket) {
                        holder.call();
                        told.push(holder.no);
                    }
                }
            }
            let sooner = |at: &Duration| standing.again_at.is_none_or(|before| *at < before);
            if let Some(at) = again_at.filter(sooner) {
                standing.again_at = Some(at);
                again = Some(at.saturating_sub(now));
            }
        }
        told.into_iter().for_each(|no| guests.tell(no));
        if let Some(wait) = again {
            self.decide_after(name, wait);
        }
    }

    fn decide_after(self: &Arc<Self>, name: &Arc<str>, wait: Duration) {
        // Up to a whole millisecond: not before it is time.
        let whole = Duration::from_millis(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        let wait =
            if whole < wait { whole.saturating_add(Duration::from_millis(1)) } else { whole };
        let (lines, name, sleep) = (Arc::downgrade(self), name.clone(), self.env.sleep(wait));
        self.env.spawn(Box::pin(async move {
            sleep.await;
            let Some(lines) = lines.upgrade() else { return };
            if let Some(standing) = lines.queues.get(&name) {
                lock(standing).again_at = None;
            }
            lines.decide(&name, None);
        }));
    }

    /// Whether a process has to wait before it begins, since as many of its kind
    /// are under way as may be. `begun`: it has, and counts.
    pub fn has_to_wait(
        self: &Arc<Self>,
        kind: &str,
        no: ProcessNo,
        begun: bool,
        since: Millis,
    ) -> bool {
        if self.queues.is_empty() {
            return false;
        }
        let queue = format!("{OF_PROCESSES}{kind}");
        let Some((name, standing)) = self.queues.get_key_value(queue.as_str()) else {
            return false;
        };
        let known = self.members().get(&no).map(Place::is_waiting);
        if let Some(waits) = known.filter(|waits| !(begun && *waits)) {
            return waits;
        }
        let place = if begun {
            let stage = Arc::new(AtomicU8::new(ADMITTED));
            let mut standing = lock(standing);
            let ticket = standing.queue.occupy();
            standing.holders.insert(ticket, Holder { no, caller: None, stage: stage.clone() });
            Some(Place { lines: self.clone(), queue: name.clone(), ticket, stage })
        } else {
            self.enter(name, no, None, &Wish { since, ..Wish::default() })
        };
        let waits = place.as_ref().is_some_and(Place::is_waiting);
        let before = place.and_then(|place| self.members().insert(no, place));
        drop(before);
        waits
    }

    /// It still has to wait before it begins.
    pub fn waits_to_begin(&self, no: ProcessNo) -> bool {
        self.members().get(&no).is_some_and(Place::is_waiting)
    }

    /// A process has ended for good.
    pub fn has_ended(&self, no: ProcessNo) {
        if !self.queues.is_empty() {
            let place = self.members().remove(&no);
            // Without the lock: it lets in the next.
            drop(place);
        }
    }

    fn members(&self) -> MutexGuard<'_, HashMap<ProcessNo, Place>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From here on steps are let in.
    pub fn open(self: &Arc<Self>) {
        if !self.open.swap(true, Ordering::AcqRel) {
            self.queues.keys().for_each(|name| self.decide(name, None));
        }
    }

    /// Keeps the places of a process that leaves memory.
    pub fn keep(&self, no: ProcessNo, places: InLine) {
        if !places.is_empty() {
            self.kept.lock().unwrap_or_else(PoisonError::into_inner).insert(no, places);
        }
    }

    /// Gives them back.
    pub fn kept(&self, no: ProcessNo) -> InLine {
        if self.queues.is_empty() && !self.lacks.load(Ordering::Acquire) {
            return InLine::default();
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.remove(&no).unwrap_or_default()
    }

    /// Lets go of what is kept, for good.
    pub fn close(&self) {
        let kept = std::mem::take(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner));
        let members = std::mem::take(&mut *self.members());
        // Without the lock: each gives itself back.
        drop((kept, members));
    }

    /// Ends a queue's hold and closes its circuit. `false`: there is none of that
    /// name.
    pub fn reopen(self: &Arc<Self>, name: &str) -> bool {
        let Some((name, standing)) = self.queues.get_key_value(name) else { return false };
        lock(standing).queue.reopen();
        self.decide(name, None);
        true
    }

    /// Every queue, by name, and those that steps wait for and that are none.
    pub fn view(&self) -> Vec<QueueView> {
        let (now, wall) = (self.env.uptime(), self.env.now());
        let declared = self.queues.values().map(|standing| lock(standing).queue.view(now, wall));
        let mut views: Vec<QueueView> = declared.collect();
        views.extend(self.missing().iter().map(|(name, missing)| {
            let oldest = missing.waiting.values().map(|(_, since)| *since).min();
            let oldest_ms = oldest.map(|since| wall.since(since).as_millis());
            let oldest_wait_ms = oldest_ms.map(|ms| u64::try_from(ms).unwrap_or(u64::MAX));
            QueueView::missing(name, missing.waiting.len(), oldest_wait_ms)
        }));
        views.sort_by(|one, other| one.name.cmp(&other.name));
        views
    }

    /// The queues' names, for words.
    pub fn names(&self) -> Vec<&str> {
        self.queues.keys().map(|name| &**name).filter(|name| !name.contains(':')).collect()
    }

    /// In which queue steps of these processes wait.
    pub fn waiting(&self, of: &HashSet<ProcessNo>) -> HashMap<ProcessNo, Arc<str>> {
        let mut waiting = HashMap::new();
        if of.is_empty() {
            return waiting;
        }
        for (name, standing) in &self.queues {
            for holder in lock(standing).holders.values() {
                let waits = holder.stage.load(Ordering::Acquire) == WAITS;
                if waits && of.contains(&holder.no) {
                    waiting.insert(holder.no, name.clone());
                }
            }
        }
        for (name, missing) in &*self.missing() {
            let those = missing.waiting.values().filter(|(no, _)| of.contains(no));
            waiting.extend(those.map(|(no, _)| (*no, name.clone())));
        }
        waiting
    }
}

fn lock(standing: &Mutex<Standing>) -> MutexGuard<'_, Standing> {
    standing.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Place {
    pub fn queue(&self) -> &str {
        &self.queue
    }

    pub fn is_waiting(&self) -> bool {
        self.stage.load(Ordering::Acquire) == WAITS
    }

    /// The queue lets in nobody, and nobody is to wait.
    pub fn is_refused(&self) -> bool {
        self.stage.load(Ordering::Acquire) == REFUSED
    }

    /// The attempt has ended so, after so long.
    pub fn ended(self, took: Duration, result: &StepResult) {
        let outcome = match result {
            Ok(_) => Outcome::Answered,
            Err(failure) => Outcome::of_failure(failure),
        };
        if let Some(standing) = self.lines.queues.get(&self.queue) {
            let now = self.lines.env.uptime();
            lock(standing).queue.ended(self.ticket, now, took, outcome);
        }
        // Dropping it lets in the next.
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(standing) = self.lines.queues.get(&self.queue) else {
            let mut missing = self.lines.missing();
            if let Some(waiting) = missing.get_mut(&self.queue) {
                waiting.waiting.remove(&self.ticket);
                if waiting.waiting.is_empty() {
                    missing.remove(&self.queue);
                }
            }
            return;
        };
        {
            let now = self.lines.env.uptime();
            let mut standing = lock(standing);
            standing.holders.remove(&self.ticket);
            standing.queue.leave(self.ticket, now);
        }
        self.lines.decide(&self.queue, None);
    }
}

/// The places an attempt holds while it is under way.
pub(crate) struct Permit {
    places: Vec<Place>,
    env: Arc<dyn Env>,
}

impl Permit {
    pub fn new(places: Vec<Place>, env: Arc<dyn Env>) -> Permit {
        Permit { places, env }
    }

    /// Runs the attempt; dropped, it gives back the places all the same.
    pub async fn hold(self, attempt: impl Future<Output = StepResult>) -> StepResult {
        let begun = self.env.uptime();
        let result = attempt.await;
        let took = self.env.uptime().saturating_sub(begun);
        self.places.into_iter().for_each(|place| place.ended(took, &result));
        result
    }
}
