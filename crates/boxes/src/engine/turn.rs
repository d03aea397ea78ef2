//! What one process at a time serves. Whoever holds the lock does; the others wait for it, so
//! that one takes over when that one ends, however it ends.

use crate::error::Error;
use crate::network::clock::{pause, start};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use std::any::Any;
use std::fs::File;
use std::path::Path;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

/// How often is looked whether the one who serves has gone.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// A place in the line. Dropped, it is the next one's.
pub struct Turn {
    /// What is served, and the lock: in this order they go.
    _now: Option<(Box<dyn Any + Send + Sync>, File)>,
    waiting: Option<JoinHandle<()>>,
}

impl Turn {
    /// Serves what `serve` gives for as long as this is held, or as soon as nobody else does.
    ///
    /// # Errors
    /// What is served at once and cannot be. Later it is tried again.
    pub fn take<T: Any + Send + Sync>(
        lock: &Path,
        runtime: &Handle,
        serve: impl Fn() -> Result<T, Error> + Send + 'static,
    ) -> Result<Turn, Error> {
        let failed = |error| Error::io("lock", lock, error);
        let opened = File::options().write(true).create(true).truncate(false).open(lock);
        let held = opened.map_err(failed)?;
        if is_mine(&held).map_err(|errno| failed(errno.into()))? {
            return Ok(Turn { _now: Some((Box::new(serve()?), held)), waiting: None });
        }
        let waiting = start(runtime, async move {
            loop {
                pause(LOOK_AGAIN).await;
                if !is_mine(&held).unwrap_or(false) {
                    continue;
                }
                if let Ok(_served) = serve() {
                    return std::future::pending().await;
                }
                // Perhaps somebody else can.
                let _ = flock(&held, FlockOperation::Unlock);
            }
        });
        Ok(Turn { _now: None, waiting: Some(waiting) })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(waiting) = &self.waiting {
            waiting.abort();
        }
    }
}

fn is_mine(lock: &File) -> Result<bool, Errno> {
    match flock(lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK | Errno::INTR) => Ok(false),
        Err(errno) => Err(errno),
    }
}
