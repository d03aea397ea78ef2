//! What the commands of one box may use up together, and whether they may go on.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::sync::watch;
use wasmtime::ResourceLimiter;

use crate::sandbox::{BoxUsage, Limits};

/// One box's.
pub struct Meter {
    memory_max: Option<u64>,
    commands_max: Option<u32>,
    cpu_milli: Option<u32>,
    state: Mutex<State>,
    changed: Condvar,
    ended: watch::Sender<bool>,
}

#[derive(Default)]
struct State {
    ended: bool,
    frozen_since_us: Option<u64>,
    frozen_us: u64,
    /// Commands from their start on, compiling among them.
    commands: u32,
    /// Commands that may touch the box's files.
    live: u32,
    /// Commands whose code runs at this moment.
    inside: u32,
    memory: u64,
    cpu_us: u64,
    /// When the CPU time that was used is paid for.
    paid_at_us: u64,
}

/// A command that counts.
pub struct Counted(Arc<Meter>);

/// A command that may touch files, until this is dropped.
pub struct Live(Arc<Meter>);

impl Meter {
    pub fn new(limits: &Limits) -> Self {
        Self {
            memory_max: limits.memory_bytes,
            commands_max: limits.pids,
            cpu_milli: limits.cpu_milli,
            state: Mutex::default(),
            changed: Condvar::new(),
            ended: watch::channel(false).0,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more command, if the limit leaves room for it.
    pub fn count(self: &Arc<Self>) -> Option<Counted> {
        let mut state = self.state();
        if self.commands_max.is_some_and(|max| state.commands >= max) {
            return None;
        }
        state.commands += 1;
        Some(Counted(Arc::clone(self)))
    }

    /// A command begins to run; `None` when the box has ended.
    pub fn live(self: &Arc<Self>) -> Option<Live> {
        let mut state = self.state();
        if state.ended {
            return None;
        }
        state.live += 1;
        Some(Live(Arc::clone(self)))
    }

    /// How long the box must still wait for the CPU time that it has used.
    pub fn debt(&self) -> Option<Duration> {
        let left = self.state().paid_at_us.saturating_sub(now_us());
        (left > 0).then(|| Duration::from_micros(left))
    }

    /// Runs a slice of a command, after waiting while the box is frozen. `None` when it has
    /// ended. Adds the CPU time that the slice took to `cpu_us`.
    pub fn slice<T>(&self, cpu_us: &mut u64, run: impl FnOnce() -> Poll<T>) -> Option<Poll<T>> {
        let mut state = self.state();
        while state.frozen_since_us.is_some() && !state.ended {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.ended {
            return None;
        }
        state.inside += 1;
        drop(state);
        let (from, cpu_from) = (now_us(), cpu_now_us());
        let polled = run();
        let used = cpu_now_us().saturating_sub(cpu_from);
        *cpu_us += used;
        let mut state = self.state();
        state.inside -= 1;
        state.cpu_us += used;
        if let Some(milli) = self.cpu_milli {
            let costs = used.saturating_mul(1000) / u64::from(milli.max(1));
            state.paid_at_us = state.paid_at_us.max(from).saturating_add(costs);
        }
        drop(state);
        self.changed.notify_all();
        Some(polled)
    }

    /// Stops all commands, and returns when they stand.
    pub fn freeze(&self) {
        let mut state = self.state();
        state.frozen_since_us.get_or_insert_with(now_us);
        while state.inside > 0 {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub fn thaw(&self) {
        let mut state = self.state();
        state.frozen_us = state.frozen_until_now();
        state.frozen_since_us = None;
        drop(state);
        self.changed.notify_all();
    }

    pub fn is_frozen(&self) -> bool {
        self.state().frozen_since_us.is_some()
    }

    /// For how long it has been frozen, all in all.
    pub fn frozen_us(&self) -> u64 {
        self.state().frozen_until_now()
    }

    /// Ends all commands, and returns when none may touch a file any more.
    pub fn end(&self) {
        let mut state = self.state();
        state.ended = true;
        self.changed.notify_all();
        self.ended.send_replace(true);
        while state.live > 0 {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Until the box has ended.
    pub async fn until_ended(&self) {
        // The sender lives as long as the meter, so this cannot fail.
        let _ = self.ended.subscribe().wait_for(|ended| *ended).await;
    }

    pub fn usage(&self) -> BoxUsage {
        let state = self.state();
        BoxUsage {
            memory_bytes: Some(state.memory),
            pids: Some(u64::from(state.commands)),
            cpu_us: Some(state.cpu_us),
        }
    }

    fn take_memory(&self, bytes: u64) -> bool {
        let mut state = self.state();
        let fits = self.memory_max.is_none_or(|max| state.memory.saturating_add(bytes) <= max);
        if fits {
            state.memory = state.memory.saturating_add(bytes);
        }
        fits
    }
}

impl State {
    fn frozen_until_now(&self) -> u64 {
        let now = self.frozen_since_us.map_or(0, |since| now_us().saturating_sub(since));
        self.frozen_us + now
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.state().commands -= 1;
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.0.state().live -= 1;
        self.0.changed.notify_all();
    }
}

/// The memories and tables of one command, taken from what its box has.
pub struct Memory {
    meter: Arc<Meter>,
    held: u64,
}

/// The size of a table's element in this process.
const ELEMENT: u64 = 16;

impl Memory {
    pub fn new(meter: Arc<Meter>) -> Self {
        Self { meter, held: 0 }
    }

    /// Memory never shrinks, so this is also the most that it had.
    pub fn held(&self) -> u64 {
        self.held
    }

    fn grow(&mut self, current: usize, desired: usize, each: u64) -> bool {
        let more = (desired.saturating_sub(current) as u64).saturating_mul(each);
        let fits = self.meter.take_memory(more);
        self.held += if fits { more } else { 0 };
        fits
    }
}

impl ResourceLimiter for Memory {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let allowed = maximum.is_none_or(|maximum| desired <= maximum);
        Ok(allowed && self.grow(current, desired, 1))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let allowed = maximum.is_none_or(|maximum| desired <= maximum);
        Ok(allowed && self.grow(current, desired, ELEMENT))
    }

    // Each costs memory of this process that is not counted above.
    fn instances(&self) -> usize {
        200
    }

    fn tables(&self) -> usize {
        200
    }

    fn memories(&self) -> usize {
        200
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.meter.state().memory -= self.held;
    }
}

/// The monotonic clock. Boxes have no environment to ask: this is the edge.
pub fn now_us() -> u64 {
    micros(ClockId::Monotonic)
}

fn cpu_now_us() -> u64 {
    micros(ClockId::ThreadCPUTime)
}

fn micros(clock: ClockId) -> u64 {
    let now = clock_gettime(clock);
    u64::try_from(now.tv_sec).unwrap_or(0) * 1_000_000
        + u64::try_from(now.tv_nsec).unwrap_or(0) / 1000
}
