//! The engine's parts, and how things get into it.

use super::cell::{Cell, Inbox};
use super::cells::Cells;
use super::circles::Deadlocks;
use super::desk::{Desks, Job};
use super::ephemeral::{self, Door};
use super::hub::{Hub, News};
use super::line::Lines;
use super::pending::{Answer, External, Pending, Rest, Source, encode_spawns};
use super::queue::Queue;
use super::rooms::Rooms;
use super::timers::Timers;
use crate::accounts::Accounts;
use crate::code::{HasRoom, Newest, RunEphemeral};
use crate::env::Env;
use crate::ephemeral::Pool;
use crate::{Error, Registry};
use greenroom_journal::{Commit, Journal, Lease, LetterRules};
use greenroom_model::{Millis, Payload, ProcessNo};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{oneshot, watch};

/// How an engine is set.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// How many waiting processes may stay in memory.
    pub resident_max: usize,
    /// How much memory they may take, about; the latest may stay even if it takes
    /// more alone.
    pub resident_bytes_max: usize,
    /// How many commits go into one transaction at most.
    pub group_max: usize,
    /// How many bytes go into one transaction at most, about, unless a single
    /// commit has more.
    pub group_bytes_max: usize,
    /// How long the key of a request is kept.
    pub request_kept: Duration,
    /// How long the code may run for one input before its process is stopped.
    pub turn_time_max: Duration,
    /// How many dead letters are kept; the oldest go as new ones come.
    pub letters_max: u64,
    /// How long they are kept, at least until new ones come.
    pub letters_kept: Duration,
    /// Messages to processes that have ended or do not exist are dropped.
    pub drops_unreachable: bool,
    /// How many messages and spawns may lie between a request and what goes back
    /// to it.
    pub hops_max: u32,
}

impl Default for EngineOptions {
    fn default() -> EngineOptions {
        EngineOptions {
            resident_max: 10_000,
            resident_bytes_max: 512 << 20,
            group_max: 1_000,
            group_bytes_max: 8 << 20,
            request_kept: Duration::from_secs(24 * 3600),
            turn_time_max: Duration::from_secs(10),
            letters_max: 100_000,
            letters_kept: Duration::from_secs(30 * 24 * 3600),
            drops_unreachable: false,
            hops_max: 1_000,
        }
    }
}

/// A process that cannot be read.
#[derive(Clone, Debug)]
pub(crate) struct Damage {
    /// Its id, as far as that can be read.
    pub id: String,
    /// What is wrong.
    pub what: String,
}

/// The processes of one node, at work. Its threads are somebody else's: see
/// `drive.rs`, or the simulator.
pub struct Engine {
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) registry: Registry,
    pub(crate) newest: Newest,
    pub(crate) ephemeral: Arc<Pool>,
    pub(crate) run_ephemeral: RunEphemeral,
    /// Which mailboxes are full.
    pub(crate) rooms: Arc<Rooms>,
    pub(crate) has_room: HasRoom,
    /// The budgets in use.
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) env: Arc<dyn Env>,
    pub(crate) lease: Lease,
    pub(crate) options: EngineOptions,
    pub(crate) cells: Cells,
    pub(crate) ready: Queue<Job>,
    pub(crate) desks: Desks,
    /// Workers in place of those that code of the user's holds up.
    pub(crate) stand_ins: std::sync::atomic::AtomicUsize,
    pub(crate) commits: Queue<Pending>,
    /// Held by the one thread that commits.
    pub(crate) leader: Mutex<()>,
    pub(crate) timers: Timers,
    pub(crate) lines: Arc<Lines>,
    pub(crate) deadlocks: Deadlocks,
    pub(crate) hub: Hub,
    pub(crate) troubles: Mutex<BTreeMap<ProcessNo, String>>,
    /// Processes that cannot be read; see `damage.rs`.
    pub(crate) damages: Mutex<BTreeMap<ProcessNo, Damage>>,
    pub(crate) store_error: Mutex<Option<String>>,
    /// Counts changes of what is wrong.
    pub(crate) health_changed: watch::Sender<u64>,
    /// The node's threads that still run.
    pub(crate) threads: Arc<std::sync::atomic::AtomicUsize>,
    /// Steps and visits under way, and groups being committed.
    pub(crate) busy: std::sync::atomic::AtomicUsize,
    /// No further step is begun.
    pub(crate) draining: std::sync::atomic::AtomicBool,
    /// An answer of the store was lost; see `doubt.rs`.
    pub(crate) doubt: std::sync::atomic::AtomicBool,
    /// Why the engine no longer works, once it does not.
    pub(crate) stopped: watch::Sender<Option<String>>,
}

impl Engine {
    /// An engine that has the lease and does nothing yet.
    pub fn new(
        journal: Arc<dyn Journal>,
        registry: Registry,
        env: Arc<dyn Env>,
        lease: Lease,
        options: EngineOptions,
    ) -> Arc<Engine> {
        env.not_before(lease.seen);
        let registry = registry.with_ready_kinds();
        let kinds = registry.clone();
        let rooms = Arc::new(Rooms::default());
        Arc::new_cyclic(|engine| {
            let lines = Arc::new(Lines::new(&registry, &env, engine.clone() as Weak<Engine>));
            let engine: Weak<Engine> = engine.clone();
            let waked = engine.clone();
            let door: Door = Arc::new(move |external| Some(engine.upgrade()?.request(external)));
            let ephemeral = ephemeral::pool(&registry, &env, door);
            Engine {
                run_ephemeral: ephemeral::run(&ephemeral),
                has_room: rooms.clone(),
                rooms,
                accounts: Arc::new(Accounts::new(
                    journal.clone(),
                    Box::new(move |no| {
                        if let Some(engine) = waked.upgrade() {
                            engine.wake(no);
                        }
                    }),
                )),
                ephemeral,
                journal,
                newest: Arc::new(move |name| kinds.newest(name)),
                registry,
                env,
                lease,
                options,
                cells: Cells::new(),
                ready: Queue::new(),
                desks: Desks::default(),
                stand_ins: std::sync::atomic::AtomicUsize::new(0),
                commits: Queue::new(),
                leader: Mutex::default(),
                timers: Timers::new(),
                lines,
                deadlocks: Deadlocks::default(),
                hub: Hub::default(),
                troubles: Mutex::default(),
                damages: Mutex::default(),
                store_error: Mutex::default(),
                health_changed: watch::Sender::new(0),
                threads: Arc::default(),
                busy: std::sync::atomic::AtomicUsize::new(0),
                draining: std::sync::atomic::AtomicBool::new(false),
                doubt: std::sync::atomic::AtomicBool::new(false),
                stopped: watch::Sender::new(None),
            }
        })
    }

    /// Puts something into a process's inbox and has it visited.
    pub(crate) fn put(&self, no: ProcessNo, fill: impl FnOnce(&mut Inbox)) {
        let cell = self.cells.put(no, fill);
        self.enqueue(&cell);
    }

    pub(crate) fn enqueue(&self, cell: &Arc<Cell>) {
        if !cell.queued.swap(true, Ordering::AcqRel) {
            self.ready.push(Job::Visit(cell.clone()));
        }
    }

    /// Has a process looked at: a timer of it is due, or it must be recovered.
    pub fn wake(&self, no: ProcessNo) {
        self.put(no, |inbox| inbox.wake = true);
    }

    pub(crate) fn emit(&self, no: ProcessNo, value: Payload) {
        self.hub.tell(no, || News::Emitted(value));
    }

    /// Asks for a commit from outside; the receiver hears of it.
    pub(crate) fn request(&self, external: External) -> oneshot::Receiver<crate::Result<Answer>> {
        let (sender, receiver) = oneshot::channel();
        if let Some(why) = self.stopped.borrow().clone() {
            let _ = sender.send(Err(Error::Stopped { why }));
            return receiver;
        }
        let bytes = external.bytes();
        let facts = external.spawns.iter().map(super::effects::facts).collect();
        let at = self.env.now();
        let mut commit = Commit {
            at: external.at.unwrap_or_else(|| self.env.now()),
            epoch: self.lease.epoch,
            turn: external.turn,
            sends: external.sends,
            spawns: external.spawns,
            letters: external.letters,
            letter_rules: self.letter_rules(at),
            request: external.request,
            hub: external.hub,
            accounts: external.accounts,
        };
        if let Err(error) = encode_spawns(&mut commit, &external.fresh) {
            let _ = sender.send(Err(error.into()));
            return receiver;
        }
        let rest = Rest {
            source: Source::External(sender),
            fresh: external.fresh,
            facts,
            holds: Vec::new(),
            large: None,
            wake_changed: false,
            bytes,
        };
        self.commits.push(Pending { commit, rest });
        receiver
    }

    /// What becomes of messages that nobody takes, at `now`.
    pub(super) fn letter_rules(&self, now: Millis) -> LetterRules {
        let kept_ms = u64::try_from(self.options.letters_kept.as_millis()).unwrap_or(u64::MAX);
        LetterRules {
            kept_max: self.options.letters_max,
            kept_since: Millis(now.0.saturating_sub(kept_ms)),
            drops_unreachable: self.options.drops_unreachable,
        }
    }

    /// Stops taking work, for good.
    pub(crate) fn stop(&self, why: &str) {
        self.stopped.send_if_modified(|stopped| {
            let first = stopped.is_none();
            if first {
                *stopped = Some(why.to_owned());
            }
            first
        });
        self.ready.close();
        self.commits.close();
        self.timers.close();
        self.ephemeral.close();
        self.desks.close();
        self.lines.close();
    }

    /// Begins no more steps; those under way, and their commits, go on.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Nothing waits for a worker or the store, and no step is under way.
    pub(crate) fn is_quiet(&self) -> bool {
        self.ready.len() == 0 && self.commits.len() == 0 && self.busy.load(Ordering::Acquire) == 0
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.borrow().is_some()
    }

    pub(crate) fn trouble(&self, no: ProcessNo, what: String) {
        self.troubles.lock().unwrap_or_else(PoisonError::into_inner).insert(no, what);
    }

    pub(crate) fn no_trouble(&self, no: ProcessNo) {
        self.troubles.lock().unwrap_or_else(PoisonError::into_inner).remove(&no);
    }

    /// A draw in `0.0..1.0`, for what need not be the same on replay.
    pub(super) fn chance(&self) -> f64 {
        (self.env.seed() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// The engine's time.
    pub fn now(&self) -> Millis {
        self.env.now()
    }
}
