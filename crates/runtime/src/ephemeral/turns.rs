//! Whose turn it is: one queue per loop, one for what comes from outside, and
//! the loops that sleep. Loops that have nothing take half of another's.

use super::address::Address;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

/// With so many in its queue, a loop wakes another.
const ENOUGH_TO_SHARE: usize = 32;
/// How long work may wait for a loop that is held up while another sleeps.
const LOOK_AROUND_AFTER: Duration = Duration::from_millis(1);

pub(crate) struct Turns {
    /// The last is the one for what comes from outside.
    queues: Vec<Queue>,
    /// How many loops sleep or are about to.
    asleep: AtomicUsize,
    closed: AtomicBool,
    gate: Mutex<Gate>,
    opened: Condvar,
}

/// Apart in memory, so that two loops do not write to one cache line.
#[derive(Default)]
#[repr(align(128))]
struct Queue {
    waiting: Mutex<VecDeque<Address>>,
    length: AtomicUsize,
}

#[derive(Default)]
struct Gate {
    /// How many of those asleep may wake.
    open: usize,
    closed: bool,
    /// One of those asleep looks around now and then.
    scouts: bool,
    /// The loop that sleeps as a task.
    waker: Option<Waker>,
}

impl Turns {
    pub fn new(loops: usize) -> Turns {
        Turns {
            queues: (0..=loops).map(|_| Queue::default()).collect(),
            asleep: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            gate: Mutex::default(),
            opened: Condvar::new(),
        }
    }

    pub fn loops(&self) -> usize {
        self.queues.len() - 1
    }

    /// The queue for what comes from outside the loops.
    pub fn outside(&self) -> usize {
        self.loops()
    }

    /// From outside the loops: somebody must look at it.
    pub fn push_outside(&self, address: Address) {
        self.queues[self.outside()].push(address);
        self.wake_one();
    }

    /// Into a loop's own queue, by itself. A few are left for it to do, since
    /// waking another for each costs more than most need; if it is held up, who
    /// looks around finds them.
    pub fn push(&self, queue: usize, address: Address) {
        if self.queues[queue].push(address) >= ENOUGH_TO_SHARE {
            self.wake_one();
        }
    }

    pub fn pop(&self, queue: usize) -> Option<Address> {
        let queue = &self.queues[queue];
        if queue.length.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let mut waiting = queue.lock();
        let next = waiting.pop_front();
        queue.length.store(waiting.len(), Ordering::Relaxed);
        next
    }

    /// Takes half of some other queue over into `queue`.
    pub fn steal(&self, queue: usize) -> Option<Address> {
        let count = self.queues.len();
        for other in (1..count).map(|step| &self.queues[(queue + step) % count]) {
            if other.length.load(Ordering::Relaxed) == 0 {
                continue;
            }
            let mut waiting = other.lock();
            let half = waiting.len().div_ceil(2);
            let mut taken = waiting.drain(..half).collect::<VecDeque<_>>();
            other.length.store(waiting.len(), Ordering::Relaxed);
            drop(waiting);
            let first = taken.pop_front();
            if !taken.is_empty() {
                let mine = &self.queues[queue];
                let mut waiting = mine.lock();
                waiting.append(&mut taken);
                mine.length.store(waiting.len(), Ordering::Relaxed);
            }
            if first.is_some() {
                return first;
            }
        }
        None
    }

    fn is_empty(&self) -> bool {
        self.queues.iter().all(|queue| queue.lock().is_empty())
    }

    /// Wakes a loop if one sleeps and none is being woken.
    fn wake_one(&self) {
        if self.asleep.load(Ordering::SeqCst) == 0 {
            return;
        }
        let mut gate = self.gate();
        if gate.open == 0 {
            gate.open = 1;
            let waker = gate.waker.take();
            drop(gate);
            self.opened.notify_one();
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }

    /// Sleeps until there may be work; `false`: the loops are to end. While
    /// others are awake, one of those asleep looks around now and then.
    pub fn sleep(&self) -> bool {
        // Said before the queues are looked at: who pushes after that sees it.
        self.asleep.fetch_add(1, Ordering::SeqCst);
        let mut gate = self.gate();
        if self.is_empty() {
            while gate.open == 0 && !gate.closed {
                let others_awake = self.asleep.load(Ordering::SeqCst) < self.loops();
                if gate.scouts || !others_awake {
                    gate = self.opened.wait(gate).unwrap_or_else(PoisonError::into_inner);
                    continue;
                }
                gate.scouts = true;
                let waited = self.opened.wait_timeout(gate, LOOK_AROUND_AFTER);
                let (woken, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
                gate = woken;
                gate.scouts = false;
                if timeout.timed_out() {
                    break;
                }
            }
            gate.open = gate.open.saturating_sub(1);
        }
        // This one is awake now: another is to look around.
        if self.asleep.fetch_sub(1, Ordering::SeqCst) > 1 {
            self.opened.notify_one();
        }
        !gate.closed
    }

    /// The same for a loop that is a task: leaves its waker. `None`: there is
    /// work already.
    pub fn sleep_as_task(&self, waker: &Waker) -> Option<bool> {
        let mut gate = self.gate();
        if gate.closed {
            return Some(false);
        }
        gate.open = 0;
        gate.waker = Some(waker.clone());
        self.asleep.store(1, Ordering::SeqCst);
        drop(gate);
        self.is_empty().then_some(true)
    }

    /// Ends the loops.
    pub fn close(&self) {
        let mut gate = self.gate();
        gate.closed = true;
        self.closed.store(true, Ordering::Release);
        let waker = gate.waker.take();
        drop(gate);
        self.opened.notify_all();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Address>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives back how many there are.
    fn push(&self, address: Address) -> usize {
        let mut waiting = self.lock();
        waiting.push_back(address);
        self.length.store(waiting.len(), Ordering::Relaxed);
        waiting.len()
    }
}
