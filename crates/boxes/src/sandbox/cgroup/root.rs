//! The cgroup of a spawner in one hierarchy: named like no other of the machine, though process
//! numbers are used again, and locked while the spawner lives.
//!
//! Its lock tells the living from the dead, whatever processes can be seen from here. Who removes
//! it has locked it, and who has made it looks whether it still is there when that is locked: so
//! a new one is never taken for one that was left.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use crate::random::random_name;

/// How names of these cgroups begin, of a spawner with this process number.
pub fn name_begin(pid: &str) -> String {
    format!("greenroom-{pid}-")
}

/// A name for the cgroups of a spawner with this process number.
pub fn new_name(pid: u32) -> io::Result<String> {
    Ok(name_begin(&pid.to_string()) + &random_name()?)
}

/// One that this process has made.
#[derive(Debug)]
pub struct Root {
    pub dir: PathBuf,
    _lock: File,
}

impl Root {
    /// Makes it. One that is there already is somebody else's.
    pub fn make(dir: &Path) -> io::Result<Root> {
        loop {
            fs::create_dir(dir)?;
            let lock = match File::open(dir) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                opened => opened?,
            };
            // Without the lock nobody else gets it either, and so nobody removes this.
            let _ = rustix::io::retry_on_intr(|| flock(&lock, FlockOperation::LockExclusive));
            if dir.try_exists()? {
                return Ok(Root { dir: dir.to_owned(), _lock: lock });
            }
        }
    }
}

/// Removes the roots of dead spawners in a cgroup, as far as nobody is in them.
pub fn sweep(above: &Path) {
    for entry in fs::read_dir(above).into_iter().flatten().flatten() {
        if !entry.file_name().to_str().is_some_and(is_name) {
            continue;
        }
        let Ok(lock) = File::open(entry.path()) else { continue };
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            continue;
        }
        // The kernel removes none that has a process.
        for inside in fs::read_dir(entry.path()).into_iter().flatten().flatten() {
            let _ = fs::remove_dir(inside.path());
        }
        let _ = fs::remove_dir(entry.path());
    }
}

/// Whether a name is one of [`new_name`].
fn is_name(name: &str) -> bool {
    let parts = name.strip_prefix("greenroom-").and_then(|rest| rest.split_once('-'));
    parts.is_some_and(|(pid, random)| {
        pid.parse::<u32>().is_ok()
            && random.len() == 32
            && random.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}
