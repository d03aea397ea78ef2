//! The engine's side of ephemeral processes: their way to durable ones, and
//! running one for a durable parent.

use super::pending::{Answer, External};
use crate::Registry;
use crate::code::RunEphemeral;
use crate::env::Env;
use crate::ephemeral::{Pool, Post, Restarts, Root, open, run_to_end};
use futures_util::FutureExt;
use greenroom_journal::{AccountWork, Outgoing};
use greenroom_model::budget::Spend;
use greenroom_model::{Content, Origin};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// The wait before a message that the store did not take is sent again.
const SEND_AGAIN_AFTER: Duration = Duration::from_millis(200);

/// Asks the engine for a commit; `None`: it is gone.
pub(super) type Door =
    Arc<dyn Fn(External) -> Option<oneshot::Receiver<crate::Result<Answer>>> + Send + Sync>;

pub(super) fn pool(registry: &Registry, env: &Arc<dyn Env>, door: Door) -> Arc<Pool> {
    let sleeper = env.clone();
    let post: Post =
        Arc::new(move |outgoing| post(door.clone(), sleeper.clone(), outgoing).boxed());
    open(env.clone(), registry.codes(), post)
}

/// Done when the message is durable, or the node stops: then what it belongs
/// to is not recorded either.
async fn post(door: Door, env: Arc<dyn Env>, outgoing: Outgoing) {
    loop {
        let (sends, accounts) = (vec![outgoing.clone()], paid(&outgoing));
        let external = External { sends, accounts, ..External::default() };
        let Some(done) = door(external) else {
            return;
        };
        match done.await {
            Ok(Err(crate::Error::Store(error))) if error.is_transient() => {
                env.sleep(SEND_AGAIN_AFTER).await;
            }
            _ => return,
        }
    }
}

/// A message is paid by whom it is sent for.
fn paid(outgoing: &Outgoing) -> Vec<AccountWork> {
    let Content::User { carried: Some(carried), .. } = &outgoing.content else { return Vec::new() };
    let account = carried.account.clone().into_iter();
    let (spent, back) = (Spend::messages(1), Spend::default());
    account.map(|account| AccountWork::Spend { account, spent, back }).collect()
}

pub(super) fn run(pool: &Arc<Pool>) -> RunEphemeral {
    let pool = pool.clone();
    Arc::new(move |request| {
        let origin = Origin::Process(request.parent);
        let mut root = Root::new(origin, request.envelope);
        (root.accounts, root.emit) = (Some(request.accounts), Some(request.emit));
        let root = Arc::new(root);
        let restarts = request.restarts.map(|(max, period)| Restarts { max, period });
        run_to_end(pool.clone(), request.kind, request.input, root, restarts).boxed()
    })
}
