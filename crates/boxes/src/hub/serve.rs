//! Serves the socket of one box, as long as it is wanted.

use super::connection::{Post, serve as serve_one};
use super::face::{Hub, Refusal, Resident};
use super::quota::{Meter, Quota};
use super::wire;
use crate::error::Error;
use crate::network::clock::{pause, start, start_in};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener as StdListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};

/// When the machine has no more descriptors, so long is waited before the next attempt; and so
/// long a connection that is one too many is kept waiting for its answer.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A socket that is served. Dropped, it is served no longer, and its connections end: what comes
/// then waits for the next who serves it.
pub struct Served {
    task: JoinHandle<()>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves the socket of a box: what comes in by it comes from `resident`, whatever it says.
/// Duplicates of a socket may be served several times over, if all know the same `Hub`.
///
/// # Errors
/// What was given is no socket that listens.
pub fn serve(
    resident: Resident,
    listener: OwnedFd,
    hub: Arc<dyn Hub>,
    quota: Quota,
    runtime: &Handle,
) -> Result<Served, Error> {
    let failed = |error| Error::io("serve the hub's socket of", &resident.name, error);
    let listener = StdListener::from(listener);
    listener.set_nonblocking(true).map_err(failed)?;
    let listener = {
        let _entered = runtime.enter();
        UnixListener::from_std(listener).map_err(failed)?
    };
    let meter = Mutex::new(Meter::new(&quota, crate::sandbox::clock::now_ms()));
    let post = Arc::new(Post { resident, hub, quota, meter });
    Ok(Served { task: start(runtime, accept(post, listener)) })
}

async fn accept(post: Arc<Post>, listener: UnixListener) {
    // So that the box can be sent to before it asks for anything. What fails now is tried again
    // with the first request.
    let _ = post.hub.open(&post.resident).await;
    let slots = Arc::new(Semaphore::new(post.quota.connections_max));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok((stream, _)) = listener.accept().await else {
            pause(ACCEPT_PAUSE).await;
            continue;
        };
        match Arc::clone(&slots).try_acquire_owned() {
            Ok(slot) => {
                let post = Arc::clone(&post);
                start_in(&mut connections, async move {
                    serve_one(&post, stream).await;
                    drop(slot);
                });
            }
            Err(_) => turn_away(&post, stream).await,
        }
    }
}

/// One too many. It waits a little, so that a box that does nothing but connect takes no more
/// than a little of the machine.
async fn turn_away(post: &Post, stream: UnixStream) {
    pause(ACCEPT_PAUSE).await;
    let message = format!("this box has {} connections already", post.quota.connections_max);
    let refusal = Refusal::for_now("too_many_connections", message, 1000);
    // Its buffer is empty, so there is room for it; who has gone needs no answer.
    let _ = stream.try_write(wire::refused(&refusal).as_bytes());
}
