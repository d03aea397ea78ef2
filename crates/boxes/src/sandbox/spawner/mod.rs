//! The spawner: a process with one thread, started from the owner's own binary, that makes boxes,
//! keeps their cgroups, and ends them. When the owner goes, it ends them all and goes too; or it
//! stays, for owners that come and go, until there is neither owner nor box.

mod birth;
mod census;
mod door;
mod launch;
mod removal;
mod serve;
mod watch;

pub use door::SOCKET;

pub use launch::{Launch, launch};

use std::os::fd::OwnedFd;
use std::path::PathBuf;

use super::sys;

/// The first argument of a spawner.
pub const MARK: &str = "--greenroom-box-spawner";

/// The variable with a spawner's state directory.
const STATE: &str = "GREENROOM_BOX_STATE";

/// The argument of a spawner that stays.
const STAY: &str = "--stay";

/// Becomes the spawner if this process was started as one, and then never returns. To be called
/// first in `main`, before any thread is started and any file opened.
pub fn spawner_main() {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_none_or(|first| first != MARK) {
        return;
    }
    let (state, stay) = (std::env::var_os(STATE).map(PathBuf::from), arguments.next());
    let code = match (state, take_socket()) {
        (Some(state), Ok(socket)) if stay.is_none() => serve::run(socket, &state),
        (Some(state), Ok(socket)) if stay.is_some_and(|stay| stay == STAY) => {
            leave(&socket).map_or(2, |()| serve::stay(socket, &state))
        }
        _ => 2,
    };
    std::process::exit(code);
}

/// Goes on in a process that has nothing of the first owner's: no parent that could wait for it,
/// no session or terminal, no descriptor but the socket, no mask of its own for new files.
fn leave(socket: &OwnedFd) -> std::io::Result<()> {
    use std::os::fd::AsRawFd;
    sys::close_all_but(&[socket.as_raw_fd()])?;
    if sys::fork()?.is_some() {
        sys::exit_now(0);
    }
    rustix::process::setsid()?;
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    Ok(())
}

/// The owner's socket comes as standard input; then that becomes what a daemon's should be.
fn take_socket() -> std::io::Result<OwnedFd> {
    use std::os::fd::AsFd;
    let socket = std::io::stdin().as_fd().try_clone_to_owned()?;
    rustix::stdio::dup2_stdin(std::fs::File::open("/dev/null")?)?;
    Ok(socket)
}
