//! A child process with all that it starts: they end together, at the latest with
//! this node. Knows not what the child does.

use rustix::process::{Pid, Signal, kill_process_group};
use std::io;
use std::process::Stdio;
use tokio::process::{Child, Command};

/// What leads the group. It waits until its input ends, which the kernel sees to even
/// if this node is killed, and then ends all of the group.
const GUARD: &str = "trap '' TERM INT HUP; read -r _; kill -TERM 0; sleep 1; kill -KILL 0";

/// A process group, led by a guard. Dropped, it is killed.
///
/// As its leader is never waited for before, its number cannot be another's. A child
/// that begins a session of its own (`setsid`) leaves the group and is not ended.
pub struct Group {
    /// Holds the guard's input open.
    _guard: Child,
    number: Pid,
}

impl Group {
    /// Starts the command in a group of its own.
    pub fn spawn(command: &mut Command) -> io::Result<(Group, Child)> {
        let mut guard = Command::new("/bin/sh");
        guard.args(["-c", GUARD]).process_group(0).stdin(Stdio::piped());
        // It needs no secrets of this node's, only `sleep`.
        guard.env_clear().env("PATH", "/usr/bin:/bin");
        let guard = guard.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let number = guard.id().and_then(|id| i32::try_from(id).ok());
        let Some(number) = number.and_then(Pid::from_raw) else {
            return Err(io::Error::other("the guard of a child process ended at once"));
        };
        let group = Group { _guard: guard, number };
        let child = command.process_group(number.as_raw_nonzero().get()).spawn()?;
        Ok((group, child))
    }

    /// Ends all of them, at once.
    pub fn kill(&self) {
        // Nobody left to end is what was wanted.
        let _ = kill_process_group(self.number, Signal::KILL);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}
