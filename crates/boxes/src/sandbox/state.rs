//! The directory in which spawners keep what a crash would leave behind, and the removal of that.
//!
//! ```text
//! <state>/spawner-<pid>/lock      held locked by the living spawner
//!                      /cgroups   the cgroup directories that its boxes' are below, a line each
//!                      /<box>.<n>/  upper, work
//! ```

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, Signal, kill_process};

use super::cgroup::remove_cgroup;

/// The directory of a living spawner. The lock goes with the process.
#[derive(Debug)]
pub struct Home {
    /// Where it is.
    pub dir: PathBuf,
    _lock: File,
}

impl Home {
    /// Removes what dead spawners left, then makes this one's directory.
    pub fn make(state: &Path, pid: u32) -> io::Result<Self> {
        fs::create_dir_all(state)?;
        fs::set_permissions(state, fs::Permissions::from_mode(0o700))?;
        reap(state)?;
        let dir = state.join(format!("spawner-{pid}"));
        fs::create_dir(&dir)?;
        let lock = File::create(dir.join("lock"))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Self { dir, _lock: lock })
    }

    /// Writes down where the boxes' cgroups will be, before there are any.
    pub fn note_cgroups(&self, roots: &[PathBuf]) -> io::Result<()> {
        let mut text = String::new();
        for root in roots {
            text.push_str(&root.to_string_lossy());
            text.push('\n');
        }
        fs::write(self.dir.join("cgroups"), text)
    }
}

/// Ends and removes everything of spawners that are no more.
fn reap(state: &Path) -> io::Result<()> {
    for entry in fs::read_dir(state)?.flatten() {
        let dir = entry.path();
        if !entry.file_name().to_string_lossy().starts_with("spawner-") {
            continue;
        }
        let lock = File::options().create(true).append(true).open(dir.join("lock"))?;
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() {
            clear(&dir)?;
        }
    }
    Ok(())
}

/// Removes a spawner's directory with everything that it tells of.
pub fn clear(dir: &Path) -> io::Result<()> {
    let roots = fs::read_to_string(dir.join("cgroups")).unwrap_or_default();
    for root in roots.lines().map(Path::new) {
        for cgroup in fs::read_dir(root).into_iter().flatten().flatten() {
            if cgroup.path().is_dir() {
                empty(&cgroup.path());
                remove_cgroup(&cgroup.path());
            }
        }
        remove_cgroup(root);
    }
    remove_tree(dir)
}

fn empty(cgroup: &Path) {
    let _ = fs::write(cgroup.join("cgroup.kill"), "1");
    let processes = fs::read_to_string(cgroup.join("cgroup.procs")).unwrap_or_default();
    for pid in processes.lines().filter_map(|line| Pid::from_raw(line.parse().ok()?)) {
        let _ = kill_process(pid, Signal::KILL);
    }
    let _ = fs::write(cgroup.join("freezer.state"), "THAWED");
}

/// Removes a directory that an overlay may have made directories without any permission in.
pub fn remove_tree(dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(dir) {
        Ok(()) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(_) => permit(dir)?,
    }
    fs::remove_dir_all(dir)
}

fn permit(dir: &Path) -> io::Result<()> {
    let meta = fs::symlink_metadata(dir)?;
    if meta.is_dir() {
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700))?;
        for entry in fs::read_dir(dir)? {
            permit(&entry?.path())?;
        }
    }
    Ok(())
}
