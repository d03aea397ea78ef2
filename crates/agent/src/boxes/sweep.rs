//! What a node does for boxes, whoever started them and whatever went on while no node ran.
//! Those that run have their networks and the hub. Those whose processes have ended, by a
//! result, a failure, a cancel or a kill, are disposed of; their snapshots stay, for forks and
//! restarts. What waits for those that are no more is forgotten.

use super::handle::Boxes;
use crate::tool::outside;
use greenroom_boxes::Error;
use greenroom_model::ProcessId;
use greenroom_runtime::Node;
use std::time::Duration;

/// How often is looked.
const PAUSE: Duration = Duration::from_secs(1);

/// So much longer for each owner: looking must not be what a node does.
const PAUSE_EACH: Duration = Duration::from_millis(10);

/// Serves and disposes of boxes for as long as the node lives.
pub async fn attend(node: Node, boxes: Boxes) {
    boxes.hub().begin(node.clone());
    let stopped = node.stopped();
    let looking = async {
        loop {
            // What cannot be done now is tried again.
            let owners = sweep(&node, &boxes).await.unwrap_or_default();
            let _again = serve(&boxes).await;
            let _again = forget(&boxes).await;
            let owners = u32::try_from(owners).unwrap_or(u32::MAX);
            outside::sleep(PAUSE.saturating_add(PAUSE_EACH.saturating_mul(owners))).await;
        }
    };
    tokio::select! {
        _ = stopped => {}
        () = looking => {}
    }
}

/// Disposes of the boxes of processes that have ended. How many others have boxes. A box of
/// somebody whom this node's store does not know is left alone.
///
/// # Errors
/// The engine's.
pub async fn sweep(node: &Node, boxes: &Boxes) -> Result<usize, Error> {
    let mine = boxes.clone();
    let owners = blocking(move || match mine.engine_if_any()? {
        Some(engine) => engine.owners(),
        None => Ok(Vec::new()),
    });
    let mut left = 0;
    for owner in owners.await? {
        let Ok(id) = owner.parse::<ProcessId>() else { continue };
        let ended = node.process(&id).await.is_ok_and(|row| row.status.is_ended());
        if !ended {
            left += 1;
            continue;
        }
        let mine = boxes.clone();
        blocking(move || mine.engine()?.release(&owner)).await?;
    }
    Ok(left)
}

/// Serves the boxes that run, as far as no other process does.
async fn serve(boxes: &Boxes) -> Result<(), Error> {
    let mine = boxes.clone();
    blocking(move || match mine.engine_if_any()? {
        Some(engine) => engine.find_again().map(drop),
        None => Ok(()),
    })
    .await
}

/// Ends the mailboxes of boxes that are no more.
async fn forget(boxes: &Boxes) -> Result<(), Error> {
    let mine = boxes.clone();
    let departed = blocking(move || match mine.engine_if_any()? {
        Some(engine) => engine.departed(),
        None => Ok(Vec::new()),
    });
    for of in departed.await? {
        if boxes.hub().forget(&of).await.is_ok() {
            let mine = boxes.clone();
            blocking(move || mine.engine()?.forgotten(&of)).await?;
        }
    }
    Ok(())
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let done = outside::blocking(work).await;
    done.unwrap_or_else(|| Err(Error::Busy("it ended in a panic".to_owned())))
}
