//! Where a worker sits: what it has before it, and whether it is inside code
//! of the user's now. The worker writes, the watch reads; see `watch.rs`.

use super::cell::{Cell, StepTask};
use greenroom_model::ProcessNo;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Something for a worker to do.
pub(crate) enum Job {
    /// Look at a process.
    Visit(Arc<Cell>),
    /// Poll a step.
    Step(Arc<StepTask>),
}

#[derive(Default)]
pub(crate) struct Desk {
    batch: Mutex<Batch>,
    /// How often code of the user's was entered and left: odd while inside.
    count: AtomicU64,
    /// Whose turn it is; meaningless while a step is polled.
    process: AtomicI64,
    /// The count at which a turn took too long.
    overdue: AtomicU64,
    /// Another worker has taken this one's place: it leaves when it can.
    replaced: AtomicBool,
}

#[derive(Default)]
struct Batch {
    visits: VecDeque<Arc<Cell>>,
    steps: VecDeque<Arc<StepTask>>,
    step: Option<Arc<StepTask>>,
}

impl Desk {
    fn batch(&self) -> MutexGuard<'_, Batch> {
        self.batch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes jobs to do.
    pub fn take(&self, jobs: Vec<Job>) {
        let mut batch = self.batch();
        for job in jobs {
            match job {
                Job::Visit(cell) => batch.visits.push_back(cell),
                Job::Step(task) => batch.steps.push_back(task),
            }
        }
    }

    /// Adds what the worker itself has made to do.
    pub fn add(&self, job: Job) {
        let mut batch = self.batch();
        match job {
            Job::Visit(cell) => batch.visits.push_back(cell),
            Job::Step(task) => batch.steps.push_back(task),
        }
    }

    pub fn next_visit(&self) -> Option<Arc<Cell>> {
        self.batch().visits.pop_front()
    }

    pub fn next_step(&self) -> Option<Arc<StepTask>> {
        let mut batch = self.batch();
        batch.step = batch.steps.pop_front();
        batch.step.clone()
    }

    /// Nothing is left to do here.
    pub fn is_empty(&self) -> bool {
        let batch = self.batch();
        batch.visits.is_empty() && batch.steps.is_empty()
    }

    /// Takes away what it has not begun.
    pub fn give_back(&self) -> Vec<Job> {
        let mut batch = self.batch();
        let Batch { visits, steps, .. } = &mut *batch;
        visits.drain(..).map(Job::Visit).chain(steps.drain(..).map(Job::Step)).collect()
    }

    /// Runs code of the user's. `true`: it took longer than a turn may.
    pub fn inside<T>(&self, no: ProcessNo, work: impl FnOnce() -> T) -> (T, bool) {
        let count = self.count.load(Ordering::Relaxed) + 1;
        self.process.store(no.0, Ordering::Relaxed);
        self.count.store(count, Ordering::Release);
        let done = work();
        self.count.store(count + 1, Ordering::Release);
        (done, self.overdue.load(Ordering::Acquire) == count)
    }

    /// The count, if it is inside code of the user's.
    pub fn count_inside(&self) -> Option<u64> {
        let count = self.count.load(Ordering::Acquire);
        (count % 2 == 1).then_some(count)
    }

    /// Whose turn runs here, unless it is a step.
    pub fn process(&self) -> ProcessNo {
        ProcessNo(self.process.load(Ordering::Relaxed))
    }

    /// The step that is polled here.
    pub fn step(&self) -> Option<Arc<StepTask>> {
        self.batch().step.clone()
    }

    pub fn say_overdue(&self, count: u64) {
        self.overdue.store(count, Ordering::Release);
    }

    /// `false`: it was replaced before.
    pub fn replace(&self) -> bool {
        !self.replaced.swap(true, Ordering::AcqRel)
    }

    pub fn is_replaced(&self) -> bool {
        self.replaced.load(Ordering::Acquire)
    }
}

/// Every worker's desk, and the watch's alarm clock.
#[derive(Default)]
pub(crate) struct Desks {
    desks: Mutex<Vec<Arc<Desk>>>,
    clock: Mutex<Clock>,
    ring: Condvar,
    asleep: AtomicBool,
    /// Workers that have something before them.
    working: AtomicUsize,
}

#[derive(Default)]
struct Clock {
    closed: bool,
    rung: bool,
}

impl Desks {
    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Desk>>> {
        self.desks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn clock(&self) -> MutexGuard<'_, Clock> {
        self.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn sit(&self) -> Arc<Desk> {
        let desk = Arc::new(Desk::default());
        self.lock().push(desk.clone());
        desk
    }

    pub fn leave(&self, desk: &Arc<Desk>) {
        self.lock().retain(|other| !Arc::ptr_eq(other, desk));
    }

    pub fn all(&self) -> Vec<Arc<Desk>> {
        self.lock().clone()
    }

    /// A worker begins: the watch wakes if it sleeps.
    pub fn begin(&self) {
        self.working.fetch_add(1, Ordering::SeqCst);
        if self.asleep.load(Ordering::SeqCst) && self.asleep.swap(false, Ordering::SeqCst) {
            self.clock().rung = true;
            self.ring.notify_all();
        }
    }

    pub fn end(&self) {
        self.working.fetch_sub(1, Ordering::SeqCst);
    }

    pub fn is_at_work(&self) -> bool {
        self.working.load(Ordering::SeqCst) > 0
    }

    /// Waits until somebody begins to work. `false` once closed.
    pub fn sleep(&self) -> bool {
        let mut clock = self.clock();
        clock.rung = false;
        self.asleep.store(true, Ordering::SeqCst);
        // Who has begun before that has rung no bell.
        while !clock.closed && !clock.rung && !self.is_at_work() {
            clock = self.ring.wait(clock).unwrap_or_else(PoisonError::into_inner);
        }
        self.asleep.store(false, Ordering::SeqCst);
        !clock.closed
    }

    /// Waits. `false` once closed.
    pub fn wait(&self, span: Duration) -> bool {
        let clock = self.clock();
        if clock.closed {
            return false;
        }
        let (clock, _) =
            self.ring.wait_timeout(clock, span).unwrap_or_else(PoisonError::into_inner);
        !clock.closed
    }

    pub fn close(&self) {
        self.clock().closed = true;
        self.ring.notify_all();
    }
}
