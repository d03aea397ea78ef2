//! The directory in which spawners keep what a crash would leave behind, and the removal of that.
//!
//! ```text
//! <state>/spawner.sock            where a staying spawner is found
//! <state>/spawner-<pid>/lock      held locked by the living spawner
//!                      /cgroups   the cgroup directories that its boxes' are below, a line each
//!                      /<box>.<n>/  upper, work
//! ```

use std::ffi::CString;
use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, Dir, FileType, FlockOperation, Mode, OFlags, chmodat, flock, openat, renameat,
    statat, unlinkat,
};
use rustix::io::Errno;
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
    /// Removes what dead spawners left, then makes this one's directory. The state directory is
    /// [locked](lock): another's removal could take this one's for dead before it has its lock.
    pub fn make(state: &Path, pid: u32) -> io::Result<Self> {
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

/// Makes the directory, this user's alone, and locks it: who starts, finds or removes a spawner
/// there does it alone. The lock goes with the file, of which duplicates may be elsewhere.
pub fn lock(state: &Path) -> io::Result<File> {
    fs::create_dir_all(state)?;
    fs::set_permissions(state, fs::Permissions::from_mode(0o700))?;
    let dir = File::open(state)?;
    loop {
        match flock(&dir, FlockOperation::LockExclusive) {
            Err(Errno::INTR) => {}
            other => return Ok(other.map(|()| dir)?),
        }
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
            // What cannot be removed now must not keep new boxes from being made; the next start
            // tries again.
            let _ = clear(&dir);
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

/// Removes a directory that a box has written, whatever it made of it: directories without any
/// permission, which overlays make too, and deeper ones than paths, descriptors or a stack reach.
/// Nobody else may be at it. Each directory is moved to the top before it is emptied, so that
/// nothing is ever deep.
pub fn remove_tree(dir: &Path) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    if !dir.try_exists()? {
        return Ok(());
    }
    chmodat(CWD, dir, PRIVATE, AtFlags::empty())?;
    let top = openat(CWD, dir, flags, Mode::empty())?;
    let mut moved = 0_u64;
    let mut waiting = vec![CString::from(c".")];
    while let Some(name) = waiting.pop() {
        let at_top = name.as_c_str() == c".";
        let here = openat(&top, &name, flags, Mode::empty())?;
        for entry in entries(&here)? {
            let stat = statat(&here, &entry, AtFlags::SYMLINK_NOFOLLOW)?;
            if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
                unlinkat(&here, &entry, AtFlags::empty())?;
                continue;
            }
            chmodat(&here, &entry, PRIVATE, AtFlags::empty())?;
            if at_top {
                waiting.push(entry);
                continue;
            }
            // A name may be there: of a removal that was killed, or the box has guessed it.
            let new = loop {
                moved += 1;
                let new = CString::new(format!("to-remove-{moved}"))?;
                match statat(&top, &new, AtFlags::SYMLINK_NOFOLLOW) {
                    Err(Errno::NOENT) => break new,
                    found => drop(found?),
                }
            };
            renameat(&here, &entry, &top, &new)?;
            waiting.push(new);
        }
        if !at_top {
            unlinkat(&top, &name, AtFlags::REMOVEDIR)?;
        }
    }
    fs::remove_dir(dir)
}

const PRIVATE: Mode = Mode::RWXU;

/// The names in a directory, read before any of them is touched.
fn entries(dir: &OwnedFd) -> io::Result<Vec<CString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(dir)? {
        let name = entry?.file_name().to_owned();
        if name.as_c_str() != c"." && name.as_c_str() != c".." {
            names.push(name);
        }
    }
    Ok(names)
}
