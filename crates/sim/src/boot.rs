//! One boot of a node: an engine with its lease, its door to the machine, and
//! the store as it sees it. Dropping it is a crash.

use crate::env::{SimEnv, Wall};
use crate::faulty::{Faults, Faulty};
use crate::machine::{Machine, Owner};
use greenroom_journal::{Error, Journal, Memory};
use greenroom_runtime::{Engine, EngineOptions, Env, Node, Registry};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// A node that runs.
pub struct Boot {
    /// Which one.
    pub number: u64,
    /// Its engine.
    pub engine: Arc<Engine>,
    /// Its face to users.
    pub node: Node,
    /// When it last could not look at its timers, it looks again here.
    pub look_at_ms: Option<u64>,
    store: Arc<Faulty>,
    env: Arc<SimEnv>,
    machine: Arc<Machine>,
}

/// What a boot is made on.
#[derive(Clone)]
pub struct Ground {
    /// Time and tasks.
    pub machine: Arc<Machine>,
    /// The wall clock.
    pub wall: Arc<Wall>,
    /// What survives.
    pub store: Memory,
    /// What goes wrong.
    pub faults: Arc<Faults>,
}

impl Boot {
    /// Takes the lease and brings back what was at work.
    ///
    /// # Errors
    /// The store's.
    pub fn start(
        ground: &Ground,
        number: u64,
        seed: u64,
        registry: Registry,
        resident_max: usize,
    ) -> Result<Boot, Error> {
        let owner = Owner::Boot(number);
        let machine = ground.machine.clone();
        let env = Arc::new(SimEnv::new(owner, machine.clone(), ground.wall.clone(), seed));
        let store = Arc::new(Faulty::new(ground.store.clone(), ground.faults.clone()));
        let lease = store.acquire(&format!("boot-{number}"), env.now())?;
        // Clocks here jump by years, and a key must outlive whoever repeats it.
        let request_kept = Duration::from_secs(u64::from(u32::MAX));
        let options = EngineOptions { resident_max, request_kept, ..EngineOptions::default() };
        let engine = Engine::new(store.clone(), registry, env.clone(), lease, options);
        engine.clone().recover();
        let node = Node::over(engine.clone(), &format!("boot-{number}"));
        let look_at_ms = Some(machine.now_ms());
        Ok(Boot { number, engine, node, look_at_ms, store, env, machine })
    }

    /// Another has its lease, and it knows.
    pub fn is_fenced(&self) -> bool {
        self.store.fenced.load(Ordering::Acquire)
    }

    /// In how many milliseconds it has to look at its timers.
    pub fn next_look_ms(&self) -> Option<u64> {
        let timer = self
            .engine
            .next_timer()
            .map(|at| u64::try_from(at.since(self.env.now()).as_millis()).unwrap_or(u64::MAX));
        let again = self.look_at_ms.map(|at| at.saturating_sub(self.machine.now_ms()));
        timer.into_iter().chain(again).min()
    }

    /// Looks at its timers.
    pub fn look(&mut self) {
        self.look_at_ms = match self.engine.fire_due() {
            Ok(()) => None,
            Err(_) => Some(self.machine.now_ms() + 1_000),
        };
    }
}

impl Drop for Boot {
    fn drop(&mut self) {
        self.machine.kill(Owner::Boot(self.number));
        self.engine.drop_steps();
    }
}
