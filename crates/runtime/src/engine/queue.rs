//! A queue between threads. Knows nothing of what it carries.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

pub(crate) struct Queue<T> {
    inner: Mutex<Inner<T>>,
    filled: Condvar,
}

struct Inner<T> {
    items: VecDeque<T>,
    closed: bool,
    waiting: usize,
}

impl<T> Queue<T> {
    pub fn new() -> Queue<T> {
        let inner = Inner { items: VecDeque::new(), closed: false, waiting: 0 };
        Queue { inner: Mutex::new(inner), filled: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn push(&self, item: T) {
        let mut inner = self.lock();
        inner.items.push_back(item);
        if inner.waiting > 0 {
            self.filled.notify_one();
        }
    }

    /// Adds an item that the caller will see to itself.
    pub fn push_own(&self, item: T) {
        self.lock().items.push_back(item);
    }

    /// Adds items of which the caller takes the first `own` itself.
    pub fn push_all(&self, items: Vec<T>, own: usize) {
        let others = items.len().saturating_sub(own);
        let mut inner = self.lock();
        inner.items.extend(items);
        for _ in 0..others.min(inner.waiting) {
            self.filled.notify_one();
        }
    }

    /// Has a waiting thread look. `false`: none waits.
    pub fn nudge(&self) -> bool {
        // Under the lock, so that it does not fall between a look and a wait.
        let inner = self.lock();
        self.filled.notify_one();
        inner.waiting > 0
    }

    /// Puts items back where they came from.
    pub fn put_back(&self, items: Vec<T>) {
        let mut inner = self.lock();
        for item in items.into_iter().rev() {
            inner.items.push_front(item);
        }
    }

    /// Up to `max` items that together weigh no more than `weight_max`, but one
    /// at least; without waiting.
    pub fn take(&self, max: usize, weight_max: usize, weigh: impl Fn(&T) -> usize) -> Vec<T> {
        let mut inner = self.lock();
        let mut weight = 0_usize;
        let fits = |item: &T| {
            weight = weight.saturating_add(weigh(item));
            weight <= weight_max
        };
        let count = inner.items.iter().take(max).map(fits).take_while(|fits| *fits).count();
        let count = count.max(1).min(inner.items.len());
        inner.items.drain(..count).collect()
    }

    /// The item at a place chosen by `choose` from the length.
    pub fn take_one(&self, choose: impl FnOnce(usize) -> usize) -> Option<T> {
        let mut inner = self.lock();
        if inner.items.is_empty() {
            return None;
        }
        let place = choose(inner.items.len());
        inner.items.remove(place)
    }

    /// Up to `max` items, waiting for the first; `None` once closed.
    pub fn wait(&self, max: usize) -> Option<Vec<T>> {
        let mut inner = self.lock();
        while inner.items.is_empty() {
            if inner.closed {
                return None;
            }
            inner.waiting += 1;
            inner = self.filled.wait(inner).unwrap_or_else(PoisonError::into_inner);
            inner.waiting -= 1;
        }
        let count = inner.items.len().min(max);
        if inner.items.len() > count && inner.waiting > 0 {
            // What one leaves is another's.
            self.filled.notify_one();
        }
        Some(inner.items.drain(..count).collect())
    }

    /// Waits until there is something, or something `else` to do; `false` once
    /// closed.
    pub fn wait_filled(&self, other: impl Fn() -> bool) -> bool {
        let mut inner = self.lock();
        while inner.items.is_empty() && !inner.closed && !other() {
            inner.waiting += 1;
            inner = self.filled.wait(inner).unwrap_or_else(PoisonError::into_inner);
            inner.waiting -= 1;
        }
        !inner.closed || !inner.items.is_empty()
    }

    pub fn len(&self) -> usize {
        self.lock().items.len()
    }

    /// Ends the waits; items left stay.
    pub fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_bounded_by_weight_and_never_empty() {
        let queue = Queue::new();
        [3, 3, 3, 9, 1, 1].into_iter().for_each(|weight| queue.push(weight));
        let take = |max| queue.take(max, 6, |weight| *weight);
        assert_eq!(take(9), [3, 3]);
        assert_eq!(take(9), [3]);
        assert_eq!(take(9), [9], "more than a group may weigh, and it must go");
        assert_eq!(take(1), [1]);
        assert_eq!(take(9), [1]);
        assert!(take(9).is_empty());
    }
}
