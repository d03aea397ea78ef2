//! The door of one boot of a node to the machine. Its clock follows a wall
//! clock that may jump, and never goes back itself, as the runtime's own does.

use crate::chance::Chance;
use crate::machine::{Machine, Owner};
use futures_util::future::BoxFuture;
use greenroom_model::Millis;
use greenroom_runtime::Env;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Where the wall clock stands when a run begins: 2026-01-01.
const BEGIN_MS: i64 = 1_767_225_600_000;

/// The wall clock of the machine, as somebody may set it.
#[derive(Default)]
pub struct Wall {
    offset_ms: AtomicI64,
}

impl Wall {
    /// Someone sets the clock.
    pub fn jump(&self, by_ms: i64) {
        self.offset_ms.fetch_add(by_ms, Ordering::Relaxed);
    }

    fn read(&self, machine: &Machine) -> u64 {
        let now = i64::try_from(machine.now_ms()).unwrap_or(i64::MAX / 4);
        let wall = BEGIN_MS + now + self.offset_ms.load(Ordering::Relaxed);
        u64::try_from(wall).unwrap_or(0)
    }
}

/// What one boot of a node sees of the machine.
pub struct SimEnv {
    owner: Owner,
    machine: Arc<Machine>,
    wall: Arc<Wall>,
    clock: Mutex<Clock>,
    chance: Mutex<Chance>,
}

#[derive(Default)]
struct Clock {
    ahead_ms: u64,
    last_ms: u64,
}

impl SimEnv {
    /// The door of the boot that owns its tasks as `owner`.
    pub fn new(owner: Owner, machine: Arc<Machine>, wall: Arc<Wall>, seed: u64) -> SimEnv {
        let chance = Mutex::new(Chance::new(seed));
        SimEnv { owner, machine, wall, clock: Mutex::default(), chance }
    }
}

impl Env for SimEnv {
    fn now(&self) -> Millis {
        let wall = self.wall.read(&self.machine);
        let mut clock = self.clock.lock().unwrap_or_else(PoisonError::into_inner);
        if wall >= clock.last_ms {
            (clock.ahead_ms, clock.last_ms) = (0, wall);
        } else if wall + clock.ahead_ms >= clock.last_ms {
            clock.last_ms = wall + clock.ahead_ms;
        } else {
            clock.ahead_ms = clock.last_ms - wall;
        }
        Millis(clock.last_ms)
    }

    fn uptime(&self) -> Duration {
        Duration::from_millis(self.machine.now_ms())
    }

    fn not_before(&self, at: Millis) {
        self.now();
        let mut clock = self.clock.lock().unwrap_or_else(PoisonError::into_inner);
        if at.0 > clock.last_ms {
            clock.ahead_ms += at.0 - clock.last_ms;
            clock.last_ms = at.0;
        }
    }

    fn seed(&self) -> u64 {
        self.chance.lock().unwrap_or_else(PoisonError::into_inner).next()
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.machine.spawn(self.owner, task);
    }

    fn sleep(&self, span: Duration) -> BoxFuture<'static, ()> {
        let span_ms = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        Box::pin(self.machine.sleep(span_ms))
    }

    fn enter(&self, work: &mut dyn FnMut()) {
        work();
    }

    fn block(&self, work: Box<dyn FnOnce() + Send>) {
        work();
    }

    fn thread(&self, _name: &str, work: Box<dyn FnOnce() + Send>) {
        // The simulator drives the engine itself; nobody may start threads.
        drop(work);
    }
}
