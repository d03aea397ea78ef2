//! Starts a spawner, from a sealed copy of the program in memory.
//!
//! The copy is what a box could reach by `/proc/self/exe` in the moment before its command is
//! executed. It cannot be written to; the program's file on the host could be, where the box's
//! user is the user that owns it, and that has been a way out of containers.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use rustix::io::Errno;

use super::{MARK, STATE, STAY};
use crate::sandbox::wire;

/// Which program becomes the spawner. It must call [`spawner_main`](super::spawner_main) first
/// in its `main`.
#[derive(Clone, Debug, Default)]
pub enum Launch {
    /// The running one.
    #[default]
    Own,
    /// Another, for programs whose `main` is not theirs, as those of tests:
    /// `greenroom-box-spawner`, which comes with this crate.
    Program(PathBuf),
}

/// The process and the socket to it. One that stays goes on in a process of its own at once, so
/// that this one can be waited for.
pub fn launch(launch: &Launch, state: &Path, stay: bool) -> io::Result<(Child, OwnedFd)> {
    let program = match launch {
        Launch::Own => Path::new("/proc/self/exe"),
        Launch::Program(path) => path,
    };
    let sealed = seal(program)?;
    let (ours, theirs) = wire::pair()?;
    let child = Command::new(format!("/proc/self/fd/{}", sealed.as_raw_fd()))
        .arg0("greenroom: spawner of boxes")
        .arg(MARK)
        .args(stay.then_some(STAY))
        // Nothing of the owner's environment is there for a box to be found with. Where its boxes
        // are is no argument: those of process 1 of a box can be read in the box, this cannot.
        .env_clear()
        .env(STATE, state)
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::from(theirs))
        .stdout(Stdio::null())
        .stderr(if stay { Stdio::null() } else { Stdio::inherit() })
        .spawn()?;
    Ok((child, ours))
}

fn seal(program: &Path) -> io::Result<File> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let name = "greenroom-box-spawner";
    let memory = match memfd_create(name, flags | MemfdFlags::EXEC) {
        // Kernels before 6.3 do not know the flag, and make it executable without.
        Err(Errno::INVAL) => memfd_create(name, flags)?,
        other => other?,
    };
    let mut memory = File::from(memory);
    io::copy(&mut File::open(program)?, &mut memory)?;
    let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
    fcntl_add_seals(&memory, seals)?;
    Ok(memory)
}
