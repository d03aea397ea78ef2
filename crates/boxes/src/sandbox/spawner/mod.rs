//! The spawner: a process with one thread, started from the owner's own binary, that makes boxes,
//! keeps their cgroups, and ends them. When the owner goes, it ends them all and goes too.

mod birth;
mod launch;
mod serve;

pub use launch::{Launch, launch};

use std::os::fd::OwnedFd;
use std::path::PathBuf;

/// The first argument of a spawner.
pub const MARK: &str = "--greenroom-box-spawner";

/// Becomes the spawner if this process was started as one, and then never returns. To be called
/// first in `main`, before any thread is started and any file opened.
pub fn spawner_main() {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_none_or(|first| first != MARK) {
        return;
    }
    let code = match (arguments.next(), take_socket()) {
        (Some(state), Ok(socket)) => serve::run(&socket, &PathBuf::from(state)),
        _ => 2,
    };
    std::process::exit(code);
}

/// The owner's socket comes as standard input; then that becomes what a daemon's should be.
fn take_socket() -> std::io::Result<OwnedFd> {
    use std::os::fd::AsFd;
    let socket = std::io::stdin().as_fd().try_clone_to_owned()?;
    rustix::stdio::dup2_stdin(std::fs::File::open("/dev/null")?)?;
    Ok(socket)
}
