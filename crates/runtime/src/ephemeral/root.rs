//! Who is behind a tree of ephemeral processes, and what leaves the tree in its
//! name.

use crate::accounts::{Accounts, Hold, Unpaid};
use crate::code::Emit;
use crate::env::Env;
use futures_util::future::BoxFuture;
use greenroom_journal::Outgoing;
use greenroom_model::budget::Spend;
use greenroom_model::{Carried, Content, InHand, Origin, ProcessId};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};

/// Sends to a durable process; done when the store has it, or never will.
pub(crate) type Post = Arc<dyn Fn(Outgoing) -> BoxFuture<'static, ()> + Send + Sync>;

/// What a tree of ephemeral processes has in common.
pub(crate) struct Root {
    /// The durable process, or who asked from outside: the sender of all that
    /// leaves the tree.
    pub origin: Origin,
    /// What it is all done for.
    pub envelope: InHand,
    /// What pays for what leaves the tree.
    pub accounts: Option<Arc<Accounts>>,
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
    pub fn new(origin: Origin, envelope: InHand) -> Root {
        Root { origin, envelope, accounts: None, emit: None, posted: Mutex::default() }
    }

    /// Sets aside what a message costs. Nothing could wait here until there is more.
    ///
    /// # Errors
    /// The account that has not got it.
    fn pay(&self) -> Result<Option<Hold>, ProcessId> {
        let (Some(accounts), Some(account)) = (&self.accounts, &self.envelope.account) else {
            return Ok(None);
        };
        match accounts.hold_for_nobody(account, Spend::messages(1)) {
            Ok(hold) => Ok(Some(hold)),
            Err(Unpaid::Unknown) => Ok(None),
            Err(Unpaid::Short) => Err(account.clone()),
        }
    }

    /// The rest of the envelope of what it sends.
    fn carried(&self) -> Option<Box<Carried>> {
        let InHand { deadline, account, .. } = self.envelope.clone();
        let carried = Carried { deadline, account, ..Carried::default() };
        (!carried.is_empty()).then(|| Box::new(carried))
    }

    /// Sends to a durable process, in the tree's name.
    ///
    /// # Errors
    /// The account that cannot pay for it.
    pub fn post(
        self: &Arc<Self>,
        post: &Post,
        env: &dyn Env,
        to: ProcessId,
        mut content: Content,
    ) -> Result<(), ProcessId> {
        let mut hold = None;
        if let Content::User { carried, .. } = &mut content {
            (hold, *carried) = (self.pay()?, self.carried());
        }
        let (from, root) = (self.origin.clone(), self.envelope.root.clone());
        let hops = self.envelope.hops.saturating_add(1);
        let sent = post(Outgoing { to, from, content, root, hops });
        self.posted.lock().unwrap_or_else(PoisonError::into_inner).under_way += 1;
        let root = self.clone();
        env.spawn(Box::pin(async move {
            sent.await;
            drop(hold);
            let mut posted = root.posted.lock().unwrap_or_else(PoisonError::into_inner);
            posted.under_way -= 1;
            if let Some(waker) = posted.waker.take() {
                waker.wake();
            }
        }));
        Ok(())
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
