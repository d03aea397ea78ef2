//! Running an ephemeral process from outside of them, to its end.

use super::address::Address;
use super::cell::Watcher;
use super::pool::Pool;
use super::restart::Restarts;
use super::root::Root;
use super::spawn::NewProcess;
use greenroom_model::{Exit, Failure, Payload, failure};
use std::sync::Arc;
use tokio::sync::oneshot;

/// Ends a process that nobody waits for any more.
struct Guard {
    pool: Arc<Pool>,
    address: Address,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.pool.kill(self.address, "nobody waits for it");
    }
}

/// Runs a process of a kind and all it spawns; its exit, once all that they
/// sent to durable processes is durable. Dropped, it ends them.
pub(crate) async fn run_to_end(
    pool: Arc<Pool>,
    kind: String,
    input: Payload,
    root: Arc<Root>,
    restarts: Option<Restarts>,
) -> Exit {
    let Some(code) = pool.code(&kind).cloned() else {
        let words = format!("no kind `{kind}` is registered");
        return Exit::Error(Failure::fatal("unknown_kind", words));
    };
    let (sender, receiver) = oneshot::channel();
    let new = NewProcess {
        code,
        input,
        root: root.clone(),
        parent: None,
        restarts,
        handles: 0,
        watcher: Some(Watcher::Outside(sender)),
    };
    let address = match pool.spawn(new) {
        Ok(address) => address,
        Err(failure) => return Exit::Error(failure),
    };
    let _guard = Guard { pool, address };
    let gone = || Exit::Error(Failure::new(failure::UNKNOWN, "the node stopped while it ran"));
    let exit = receiver.await.unwrap_or_else(|_| gone());
    root.all_posted().await;
    exit
}
