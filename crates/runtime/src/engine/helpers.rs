//! The engine's side of ephemeral processes: their way to durable ones, and
//! running one for a durable parent.

use super::pending::External;
use super::state::Engine;
use crate::Registry;
use crate::code::RunEphemeral;
use crate::env::Env;
use crate::ephemeral::{Pool, Post, Restarts, Root, open, run_to_end};
use futures_util::FutureExt;
use greenroom_journal::Outgoing;
use greenroom_model::Origin;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// The wait before a message that the store did not take is sent again.
const SEND_AGAIN_AFTER: Duration = Duration::from_millis(200);

pub(super) fn pool(registry: &Registry, env: &Arc<dyn Env>, engine: Weak<Engine>) -> Arc<Pool> {
    let post: Post = Arc::new(move |outgoing| post(engine.clone(), outgoing).boxed());
    open(env.clone(), registry.codes(), post)
}

/// Done when the message is durable, or the node stops: then what it belongs
/// to is not recorded either.
async fn post(engine: Weak<Engine>, outgoing: Outgoing) {
    loop {
        let Some(at_work) = engine.upgrade() else {
            return;
        };
        let external = External { sends: vec![outgoing.clone()], ..External::default() };
        let done = at_work.request(external);
        let env = at_work.env.clone();
        drop(at_work);
        match done.await {
            Ok(Err(crate::Error::Store(error))) if error.is_transient() => {
                env.sleep(SEND_AGAIN_AFTER).await;
            }
            _ => return,
        }
    }
}

pub(super) fn run(pool: &Arc<Pool>) -> RunEphemeral {
    let pool = pool.clone();
    Arc::new(move |request| {
        let root = Root::new(Origin::Process(request.parent), request.root, Some(request.emit));
        let restarts = request.restarts.map(|(max, period)| Restarts { max, period });
        run_to_end(pool.clone(), request.kind, request.input, root, restarts).boxed()
    })
}
