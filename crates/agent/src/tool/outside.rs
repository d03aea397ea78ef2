//! Time and tasks for what tools do outside of the journal: connections, children.
//!
//! No process's code may come here. What happens here is never replayed; only the
//! result of the step that used it is.
#![expect(
    clippy::disallowed_methods,
    reason = "a connection to a real server and a child process live in real time, inside of steps"
)]

use std::future::Future;
use std::time::Duration;
use tokio::time::Instant;

/// The real time.
pub fn now() -> Instant {
    Instant::now()
}

/// Waits.
pub async fn sleep(span: Duration) {
    tokio::time::sleep(span).await;
}

/// What the future gives, or `None` if it takes longer.
pub async fn within<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    tokio::time::timeout(limit, future).await.ok()
}

/// Runs a future beside all others.
pub fn beside(future: impl Future<Output = ()> + Send + 'static) {
    drop(tokio::spawn(future));
}

/// What a function that blocks gives, or `None` if it panics.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()
}
