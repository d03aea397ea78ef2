//! Starting many processes at once, and waiting until all have ended.

use futures_util::StreamExt;
use futures_util::stream;
use greenroom_model::{Payload, Status};
use greenroom_runtime::journal::Listing;
use greenroom_runtime::{Node, StartRequest};
use std::time::Duration;

/// How many requests are under way at once.
const AT_ONCE: usize = 1_000;

/// Between two looks whether all have ended. A look goes through all that are in
/// memory: at each millisecond it would be 7 % of what is measured.
const LOOK: Duration = Duration::from_millis(5);

/// Starts `count` processes of a kind, with keys from 0 on.
pub(super) async fn start(
    node: &Node,
    kind: &str,
    count: usize,
    input: &str,
) -> anyhow::Result<()> {
    let input = Payload::parse(input)?;
    let starts = (0..count).map(|key| {
        node.start_process(StartRequest {
            budget: None,
            kind: kind.to_owned(),
            key: Some(key.to_string()),
            input: input.clone(),
            by: "bench".to_owned(),
        })
    });
    let mut starts = stream::iter(starts).buffer_unordered(AT_ONCE);
    while let Some(started) = starts.next().await {
        started?;
    }
    Ok(())
}

/// Waits until no process of the store has one of these statuses.
pub(super) async fn until_none(node: &Node, statuses: &[Status]) -> anyhow::Result<()> {
    loop {
        let health = node.health();
        if health.ready == 0 && health.committing == 0 {
            let statuses = statuses.to_vec();
            let listing = Listing { statuses, limit: 1, ..Listing::default() };
            if node.list(listing).await?.is_empty() {
                return Ok(());
            }
        }
        pause(LOOK).await;
    }
}

#[expect(clippy::disallowed_methods, reason = "a bench waits in real time")]
pub(super) async fn pause(span: Duration) {
    tokio::time::sleep(span).await;
}

/// What the future gives, or `None` if it takes longer.
#[expect(clippy::disallowed_methods, reason = "a bench waits in real time")]
pub(super) async fn within<T>(
    limit: Duration,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<Option<T>> {
    tokio::time::timeout(limit, work).await.ok().transpose()
}

/// Runs beside all others.
#[expect(clippy::disallowed_methods, reason = "a bench has no node's environment")]
pub(super) fn beside<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> tokio::task::JoinHandle<T> {
    tokio::spawn(work)
}
