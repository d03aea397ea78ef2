//! The thread that moves bytes to and from the server, and how others wait
//! for it. The only place of this crate that starts a thread.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// The thread; it ends when this is dropped.
pub(super) struct Wire {
    handle: Handle,
    _stop: oneshot::Sender<()>,
}

impl Wire {
    /// Starts it.
    #[expect(
        clippy::disallowed_methods,
        reason = "the database client needs a reactor of its own: the journal's calls block"
    )]
    pub fn start() -> std::io::Result<Wire> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        thread::Builder::new().name("greenroom-postgres".to_owned()).spawn(move || {
            // Ends with an error when the other end is dropped, which is meant.
            let _ = runtime.block_on(stopped);
        })?;
        Ok(Wire { handle, _stop: stop })
    }

    /// Runs `work` on the thread and waits for what it gives; `None` if the
    /// thread is gone.
    #[expect(clippy::disallowed_methods, reason = "runs on the thread this file has started")]
    pub fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        wait(self.handle.spawn(work)).ok()
    }
}

/// Waits for a future that the wire's thread wakes. Polls it on this thread.
pub(super) fn wait<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(result) => return result,
            Poll::Pending => thread::park(),
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}
