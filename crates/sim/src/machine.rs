//! The machine everything runs on: virtual time and a list of tasks. It
//! outlives crashes of the node; a node's tasks do not. Knows no runtime.

use futures_util::future::BoxFuture;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// Whose task it is: a boot's number, or the users'.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    /// People outside; they live on when a node crashes.
    Users,
    /// The node of this boot.
    Boot(u64),
}

/// Virtual time and tasks.
#[derive(Default)]
pub struct Machine {
    inner: Mutex<Inner>,
    woken: Arc<Mutex<BTreeSet<u64>>>,
}

#[derive(Default)]
struct Inner {
    now_ms: u64,
    last_id: u64,
    sleepers: BTreeMap<(u64, u64), Waker>,
    tasks: BTreeMap<u64, Task>,
}

struct Task {
    owner: Owner,
    /// Away while it is being polled.
    work: Option<BoxFuture<'static, ()>>,
}

struct Alarm {
    task: u64,
    woken: Arc<Mutex<BTreeSet<u64>>>,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.woken.lock().unwrap_or_else(PoisonError::into_inner).insert(self.task);
    }
}

impl Machine {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn woken(&self) -> MutexGuard<'_, BTreeSet<u64>> {
        self.woken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Milliseconds since the run began. Only ever moved by [`Machine::advance`].
    pub fn now_ms(&self) -> u64 {
        self.lock().now_ms
    }

    /// Moves time on, and wakes the sleepers it passes.
    pub fn advance(&self, span_ms: u64) {
        let mut inner = self.lock();
        inner.now_ms = inner.now_ms.saturating_add(span_ms);
        let after = (inner.now_ms.saturating_add(1), 0);
        let later = inner.sleepers.split_off(&after);
        let due = std::mem::replace(&mut inner.sleepers, later);
        drop(inner);
        due.into_values().for_each(Waker::wake);
    }

    /// How long until the next sleeper wakes.
    pub fn next_sleeper_ms(&self) -> Option<u64> {
        let inner = self.lock();
        inner.sleepers.keys().next().map(|(at, _)| at.saturating_sub(inner.now_ms))
    }

    /// A future that is done after `span_ms` of virtual time.
    pub fn sleep(self: &Arc<Self>, span_ms: u64) -> Sleep {
        let mut inner = self.lock();
        inner.last_id += 1;
        let until = inner.now_ms.saturating_add(span_ms);
        Sleep { machine: self.clone(), until, id: inner.last_id }
    }

    /// Adds a task, to be polled soon.
    pub fn spawn(&self, owner: Owner, work: BoxFuture<'static, ()>) {
        let mut inner = self.lock();
        inner.last_id += 1;
        let id = inner.last_id;
        inner.tasks.insert(id, Task { owner, work: Some(work) });
        drop(inner);
        self.woken().insert(id);
    }

    /// How many tasks want to be polled.
    pub fn ready(&self) -> usize {
        self.woken().len()
    }

    /// Polls one of the tasks that want it.
    pub fn poll_one(&self, choose: impl FnOnce(usize) -> usize) -> Option<u64> {
        let mut woken = self.woken();
        let place = choose(woken.len());
        let id = *woken.iter().nth(place)?;
        woken.remove(&id);
        drop(woken);
        let work = self.lock().tasks.get_mut(&id).and_then(|task| task.work.take());
        let Some(mut work) = work else { return Some(id) };
        let waker = Waker::from(Arc::new(Alarm { task: id, woken: self.woken.clone() }));
        let done = work.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
        if done {
            self.lock().tasks.remove(&id);
            drop(work);
        } else if let Some(task) = self.lock().tasks.get_mut(&id) {
            task.work = Some(work);
        }
        Some(id)
    }

    /// Ends all of an owner's tasks, wherever they are.
    pub fn kill(&self, owner: Owner) {
        let mut inner = self.lock();
        let tasks = std::mem::take(&mut inner.tasks);
        let (dead, alive) = tasks.into_iter().partition(|(_, task)| task.owner == owner);
        inner.tasks = alive;
        drop(inner);
        let dead: BTreeMap<u64, Task> = dead;
        self.woken().retain(|id| !dead.contains_key(id));
        drop(dead);
    }

    /// Has all of an owner's tasks polled.
    pub fn wake_all(&self, owner: Owner) {
        let inner = self.lock();
        let ids = inner.tasks.iter().filter(|(_, task)| task.owner == owner).map(|(id, _)| *id);
        let ids: Vec<u64> = ids.collect();
        drop(inner);
        self.woken().extend(ids);
    }

    /// Whether an owner has a task that is not done.
    pub fn has_tasks(&self, owner: Owner) -> bool {
        self.lock().tasks.values().any(|task| task.owner == owner)
    }
}

/// See [`Machine::sleep`].
pub struct Sleep {
    machine: Arc<Machine>,
    until: u64,
    id: u64,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut inner = self.machine.lock();
        if inner.now_ms >= self.until {
            return Poll::Ready(());
        }
        inner.sleepers.insert((self.until, self.id), context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.machine.lock().sleepers.remove(&(self.until, self.id));
    }
}
