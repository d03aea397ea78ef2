//! Where users find the node that runs now, and how they notice that the one
//! they talk to has crashed.

use futures_util::future::BoxFuture;
use greenroom_runtime::{Error, Node};
use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

/// The node that takes requests.
#[derive(Default)]
pub struct Door {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    alive: BTreeSet<u64>,
    current: Option<(u64, Node)>,
    knocked_down: bool,
}

impl Door {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A node has come up.
    pub fn open(&self, boot: u64, node: Node) {
        let mut inner = self.lock();
        inner.alive.insert(boot);
        inner.current = Some((boot, node));
    }

    /// A node has gone.
    pub fn close(&self, boot: u64) {
        let mut inner = self.lock();
        inner.alive.remove(&boot);
        if inner.current.as_ref().is_some_and(|(current, _)| *current == boot) {
            inner.current = None;
        }
    }

    /// The node to ask, if one is up.
    pub fn enter(&self) -> Option<(u64, Node)> {
        self.lock().current.clone()
    }

    /// The node has stopped as it was asked to.
    pub fn knock_down(&self) {
        self.lock().knocked_down = true;
    }

    /// Whether another node has to start in its place.
    pub fn take_knocked_down(&self) -> bool {
        std::mem::take(&mut self.lock().knocked_down)
    }

    fn is_alive(&self, boot: u64) -> bool {
        self.lock().alive.contains(&boot)
    }
}

/// A request to one node: `None` if it crashes meanwhile.
pub struct Visit {
    door: Arc<Door>,
    boot: u64,
    work: BoxFuture<'static, Result<(), Error>>,
}

impl Visit {
    /// A request under way.
    pub fn new(door: Arc<Door>, boot: u64, work: BoxFuture<'static, Result<(), Error>>) -> Visit {
        Visit { door, boot, work }
    }
}

impl Future for Visit {
    type Output = Option<Result<(), Error>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if !self.door.is_alive(self.boot) {
            return Poll::Ready(None);
        }
        self.work.as_mut().poll(context).map(Some)
    }
}
