//! The directories of machines, and the end of those whose owner died without ending them.
//!
//! ```text
//! <state>/microvm-<pid>-<n>/lock   held locked by the living owner
//!                          /api    on the command line of the machine's monitor
//! ```

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::sandbox::state;

const PREFIX: &str = "microvm-";

/// How long a monitor that was killed may take to be gone.
const END_S: i64 = 5;

/// Machines that this process made.
static MADE: AtomicU64 = AtomicU64::new(0);

/// The directory of a living machine. The lock goes with the process.
#[derive(Debug)]
pub struct Home {
    /// Where it is.
    pub dir: PathBuf,
    _lock: File,
}

impl Home {
    /// Makes one.
    pub fn make(state: &Path) -> io::Result<Self> {
        // Between the directory and its lock nobody may take it for a dead owner's.
        let _state = state::lock(state)?;
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let dir = state.join(format!("{PREFIX}{}-{number}", std::process::id()));
        fs::DirBuilder::new().mode(0o700).create(&dir)?;
        let lock = File::create(dir.join("lock"))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Self { dir, _lock: lock })
    }
}

/// The monitor's socket for its API, which its command line names.
pub fn api_socket(dir: &Path) -> PathBuf {
    dir.join("api")
}

/// Ends the machines of dead owners and removes their directories. What cannot be ended now is
/// at the next start.
pub fn reap(state: &Path) -> io::Result<()> {
    if !state.exists() {
        return Ok(());
    }
    let _state = state::lock(state)?;
    for entry in fs::read_dir(state)?.flatten() {
        let dir = entry.path();
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        let lock = File::options().create(true).append(true).open(dir.join("lock"))?;
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() && end(&dir).is_ok() {
            fs::remove_dir_all(&dir)?;
        }
    }
    Ok(())
}

/// Kills the monitor of a directory, however it came to be without an owner, and waits until it
/// is gone.
fn end(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir("/proc")?.flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| Pid::from_raw(name.parse().ok()?));
        let Some(pid) = pid.filter(|_| is_monitor(&entry.path(), dir)) else { continue };
        let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) else { continue };
        // Asked again: the number may be another process's by now, of the descriptor it is not.
        if !is_monitor(&entry.path(), dir) {
            continue;
        }
        pidfd_send_signal(&process, Signal::KILL)?;
        let mut ended = [PollFd::new(&process, PollFlags::IN)];
        if poll(&mut ended, Some(&Timespec { tv_sec: END_S, tv_nsec: 0 })) != Ok(1) {
            return Err(io::ErrorKind::TimedOut.into());
        }
    }
    Ok(())
}

fn is_monitor(process: &Path, dir: &Path) -> bool {
    let line = fs::read(process.join("cmdline")).unwrap_or_default();
    let api = api_socket(dir);
    line.split(|byte| *byte == 0).any(|word| word == api.as_os_str().as_encoded_bytes())
}
