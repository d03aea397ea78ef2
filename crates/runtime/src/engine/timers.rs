//! Wake-ups. The store knows all of them; memory holds those up to a horizon,
//! so that a million sleepers cost nothing.

use greenroom_journal::{Error, Journal};
use greenroom_model::{Millis, ProcessNo};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How many are read from the store at once.
const PAGE: usize = 4_096;
/// How many may be in memory before the later half goes.
const HELD_MAX: usize = 65_536;

type Point = (Millis, ProcessNo);

pub(crate) struct Timers {
    inner: Mutex<Inner>,
    earlier: Condvar,
}

struct Inner {
    heap: BinaryHeap<Reverse<Point>>,
    /// Everything up to here is in the heap.
    horizon: Point,
    /// How often the horizon was taken back: what was read before says nothing.
    taken_back: u64,
    /// While the store is being read: what is noted beyond the horizon, which
    /// the page may just have missed.
    meanwhile: Option<Vec<Point>>,
    closed: bool,
}

const BEGINNING: Point = (Millis(0), ProcessNo(i64::MIN));
const END: Point = (Millis(u64::MAX), ProcessNo(i64::MAX));

impl Timers {
    pub fn new() -> Timers {
        let inner = Inner {
            heap: BinaryHeap::new(),
            horizon: BEGINNING,
            taken_back: 0,
            meanwhile: None,
            closed: false,
        };
        Timers { inner: Mutex::new(inner), earlier: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A commit with this wake-up has become durable.
    pub fn note(&self, at: Millis, no: ProcessNo) {
        let mut inner = self.lock();
        if (at, no) > inner.horizon {
            if let Some(meanwhile) = &mut inner.meanwhile {
                meanwhile.push((at, no));
            }
            return;
        }
        let first = inner.heap.peek().is_none_or(|Reverse(next)| (at, no) < *next);
        inner.heap.push(Reverse((at, no)));
        if inner.heap.len() > HELD_MAX {
            inner.halve();
        }
        if first {
            self.earlier.notify_one();
        }
    }

    /// Takes out what is due at `now`. A process may be named whose wake-up
    /// has changed since; it will find nothing due.
    ///
    /// The store is read without the lock, since commits note their wake-ups
    /// under it: what is noted meanwhile is kept aside, and taken in as far as
    /// the page has moved the horizon. One thread calls this at a time.
    pub fn take_due(&self, now: Millis, journal: &dyn Journal) -> Result<Vec<ProcessNo>, Error> {
        let mut due = Vec::new();
        while let Some((horizon, taken_back)) = self.take_known(now, &mut due) {
            let page = journal.due(horizon, PAGE);
            self.take_page(page?, taken_back);
        }
        Ok(due)
    }

    /// Takes out what is known to be due. Gives back from where on the store is
    /// to be read for more.
    fn take_known(&self, now: Millis, due: &mut Vec<ProcessNo>) -> Option<(Point, u64)> {
        let mut inner = self.lock();
        while let Some(&Reverse((at, no))) = inner.heap.peek() {
            if at > now {
                return None;
            }
            inner.heap.pop();
            due.push(no);
        }
        if inner.horizon == END || due.len() >= PAGE {
            return None;
        }
        // What a read that failed has left is in the store by now.
        inner.meanwhile = Some(Vec::new());
        Some((inner.horizon, inner.taken_back))
    }

    fn take_page(&self, page: Vec<Point>, taken_back: u64) {
        let mut inner = self.lock();
        let meanwhile = inner.meanwhile.take().unwrap_or_default();
        if inner.taken_back == taken_back {
            inner.horizon = match page.last() {
                Some(last) if page.len() == PAGE => *last,
                _ => END,
            };
            inner.heap.extend(page.into_iter().map(Reverse));
        }
        // One that the page has as well is woken twice, and finds nothing due.
        let horizon = inner.horizon;
        inner.heap.extend(meanwhile.into_iter().filter(|point| *point <= horizon).map(Reverse));
    }

    /// Forgets all: the store knows.
    pub fn read_again(&self) {
        let mut inner = self.lock();
        inner.heap.clear();
        inner.horizon = BEGINNING;
        inner.taken_back += 1;
        self.earlier.notify_one();
    }

    /// When to look next: the next one in memory is due, or the store has to
    /// be read. `None`: there is none.
    pub fn next(&self) -> Option<Millis> {
        let inner = self.lock();
        let unread = (inner.horizon != END).then_some(inner.horizon.0);
        inner.heap.peek().map(|Reverse((at, _))| *at).or(unread)
    }

    /// Waits for `span`, or until an earlier wake-up is noted. `false` once
    /// closed.
    pub fn wait(&self, span: Duration) -> bool {
        let inner = self.lock();
        if inner.closed {
            return false;
        }
        let (inner, _) =
            self.earlier.wait_timeout(inner, span).unwrap_or_else(PoisonError::into_inner);
        !inner.closed
    }

    pub fn close(&self) {
        self.lock().closed = true;
        self.earlier.notify_all();
    }
}

impl Inner {
    /// Keeps the earlier half; the store has the rest.
    fn halve(&mut self) {
        let mut points: Vec<Point> = self.heap.drain().map(|Reverse(point)| point).collect();
        points.sort_unstable();
        points.truncate(HELD_MAX / 2);
        self.horizon = points.last().copied().unwrap_or(BEGINNING);
        self.taken_back += 1;
        self.heap = points.into_iter().map(Reverse).collect();
    }
}
