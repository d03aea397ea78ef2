//! Who is behind a tree of ephemeral processes, and what leaves the tree in its
//! name.

use crate::code::Emit;
use crate::env::Env;
use futures_util::future::BoxFuture;
use greenroom_journal::Outgoing;
use greenroom_model::{Content, Origin, ProcessId};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};

/// Sends to a durable process; done when the store has it, or never will.
pub(crate) type Post = Arc<dyn Fn(Outgoing) -> BoxFuture<'static, ()> + Send + Sync>;

/// What a tree of ephemeral processes has in common.
pub(crate) struct Root {
    /// The durable process, or who asked from outside: the sender of all that
    /// leaves the tree.
    pub origin: Origin,
    /// The request it goes back to.
    pub request: String,
    /// Where live values go.
    pub emit: Option<Emit>,
    posted: Mutex<Posted>,
}

/// Messages on their way to the store.
#[derive(Default)]
struct Posted {
    under_way: usize,
    waker: Option<Waker>,
}

impl Root {
    pub fn new(origin: Origin, request: String, emit: Option<Emit>) -> Arc<Root> {
        Arc::new(Root { origin, request, emit, posted: Mutex::default() })
    }

    /// Sends to a durable process, in the tree's name.
    pub fn post(self: &Arc<Self>, post: &Post, env: &dyn Env, to: ProcessId, content: Content) {
        let from = self.origin.clone();
        let sent = post(Outgoing { to, from, content, root: self.request.clone(), hops: 1 });
        self.posted.lock().unwrap_or_else(PoisonError::into_inner).under_way += 1;
        let root = self.clone();
        env.spawn(Box::pin(async move {
            sent.await;
            let mut posted = root.posted.lock().unwrap_or_else(PoisonError::into_inner);
            posted.under_way -= 1;
            if let Some(waker) = posted.waker.take() {
                waker.wake();
            }
        }));
    }

    /// Waits until all that was sent is durable.
    pub async fn all_posted(&self) {
        std::future::poll_fn(|context| {
            let mut posted = self.posted.lock().unwrap_or_else(PoisonError::into_inner);
            if posted.under_way == 0 {
                return Poll::Ready(());
            }
            posted.waker = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}
