//! Time and tasks of the proxy and the hub, which serve real sockets in real time: the one file
//! of theirs that may call the clock. Nothing of this is ever replayed.

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::runtime::Handle;
use tokio::task::{JoinHandle, JoinSet};

/// Milliseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "a decision is logged with the time it was made")]
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[expect(clippy::disallowed_methods, reason = "sockets are waited for in real time")]
pub(crate) async fn pause(span: Duration) {
    tokio::time::sleep(span).await;
}

/// What the future gives, unless it takes longer.
pub(crate) async fn within<F: Future>(span: Duration, future: F) -> Option<F::Output> {
    let (mut future, mut late) = (pin!(future), pin!(pause(span)));
    std::future::poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => late.as_mut().poll(cx).map(|()| None),
    })
    .await
}

/// Starts the task that accepts.
#[expect(clippy::disallowed_methods, reason = "the caller chose the runtime for it")]
pub(crate) fn start(
    runtime: &Handle,
    task: impl Future<Output = ()> + Send + 'static,
) -> JoinHandle<()> {
    runtime.spawn(task)
}

/// Starts a task that ends with the set.
#[expect(clippy::disallowed_methods, reason = "a connection is a task of its proxy's")]
pub(crate) fn start_in(set: &mut JoinSet<()>, task: impl Future<Output = ()> + Send + 'static) {
    set.spawn(task);
}

/// Counts what moves, so that what stands still is noticed.
#[derive(Default)]
pub(super) struct Activity(AtomicU64);

impl Activity {
    /// Something has moved.
    pub fn note(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Ends when nothing has moved for the span, and at most a span after that.
    pub async fn ceased(&self, span: Duration) {
        loop {
            let before = self.0.load(Ordering::Relaxed);
            pause(span).await;
            if self.0.load(Ordering::Relaxed) == before {
                return;
            }
        }
    }
}
