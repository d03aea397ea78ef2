//! Removes what an ended box leaves, in a process of its own: a box can have written more than
//! the spawner may take the time for.

use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

use rustix::io::Errno;
use rustix::process::{
    Pid, Signal, WaitOptions, WaitStatus, set_parent_process_death_signal, waitpid,
};

use crate::sandbox::state::remove_tree;
use crate::sandbox::sys::{self, Birth, Side};
use crate::sandbox::wire::{self, Failure, FromSpawner, Key};

/// A removal under way.
pub struct Removal {
    pub key: Key,
    pub dir: PathBuf,
    pub pidfd: OwnedFd,
    pid: Pid,
    /// Who waits for its end.
    pub waiting: Vec<OwnedFd>,
}

impl Removal {
    /// Starts it. Where no process can be started it is done here and now.
    pub fn start(key: Key, dir: PathBuf, waiting: Vec<OwnedFd>) -> Option<Self> {
        match sys::clone_process(&Birth { namespaces: 0, cgroup: None }) {
            Ok(Side::Parent(pid, pidfd)) => Some(Self { key, dir, pidfd, pid, waiting }),
            Ok(Side::Child) => {
                let _ = sys::close_all_but(&[]);
                let _ = set_parent_process_death_signal(Some(Signal::KILL));
                let removed = remove_tree(&dir);
                sys::exit_now(removed.map_or_else(|error| code(&error), |()| 0));
            }
            Err(_) => {
                let removed = remove_tree(&dir).map_or_else(|error| code(&error), |()| 0);
                tell(&waiting, &dir, removed);
                None
            }
        }
    }

    /// Waits for its end, and tells who else waits.
    pub fn finish(self) {
        let ended = loop {
            match waitpid(Some(self.pid), WaitOptions::empty()) {
                Err(Errno::INTR) => {}
                other => break other.ok().flatten(),
            }
        };
        let code = ended.and_then(|(_, status)| WaitStatus::exit_status(status));
        tell(&self.waiting, &self.dir, code.unwrap_or(libc::EIO));
    }
}

/// The system's number for the error fits into an exit code.
fn code(error: &std::io::Error) -> i32 {
    error.raw_os_error().unwrap_or(libc::EIO)
}

fn tell(waiting: &[OwnedFd], dir: &std::path::Path, code: i32) {
    let said = match code {
        0 => FromSpawner::Done,
        errno => {
            FromSpawner::Failed(Failure { stage: format!("remove `{}`", dir.display()), errno })
        }
    };
    for reply in waiting {
        let _ = wire::send(reply.as_fd(), &said, &[]);
    }
}
