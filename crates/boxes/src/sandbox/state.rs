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
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, Dir, FileType, FlockOperation, Mode, OFlags, chmodat, flock, mkdirat, openat,
    renameat, statat, unlinkat,
};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};

use super::cgroup::{name_begin, remove_cgroup};

#[cfg(test)]
mod tests;

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
        let mut text = identity(&self.dir)?;
        for root in roots {
            text.push('\n');
            text.push_str(&root.to_string_lossy());
        }
        fs::write(self.dir.join("cgroups"), text)
    }
}

/// Which directory it is, wherever it is moved. A copy is another one, whose lock says nothing of
/// who lives in the first.
fn identity(dir: &Path) -> io::Result<String> {
    let found = fs::symlink_metadata(dir)?;
    Ok(format!("{}:{}", found.dev(), found.ino()))
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
    let noted = fs::read_to_string(dir.join("cgroups")).unwrap_or_default();
    let (of, roots) = noted.split_once('\n').unwrap_or_default();
    let roots = if identity(dir).is_ok_and(|own| own == of) { roots } else { "" };
    // Whatever it tells of: a number is not enough, it is used again.
    let pid = dir.file_name().and_then(|name| name.to_str()?.strip_prefix("spawner-"));
    let own = pid.map(name_begin);
    let is_own = |root: &&Path| {
        let name = root.file_name().and_then(|name| name.to_str());
        name.zip(own.as_ref()).is_some_and(|(name, own)| name.starts_with(own))
    };
    for root in roots.lines().map(Path::new).filter(is_own) {
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
/// permission, which overlays make too, deeper ones than paths, descriptors or a stack reach, and
/// whatever names. Nobody else may be at it. Each directory in another is moved to one at the top
/// before it is emptied, so that nothing is ever deep.
pub fn remove_tree(dir: &Path) -> io::Result<()> {
    if !dir.try_exists()? {
        return Ok(());
    }
    chmodat(CWD, dir, PRIVATE, AtFlags::empty())?;
    let top = openat(CWD, dir, DIRECTORY, Mode::empty())?;
    // Where they are moved to, made when it is first needed: a full disk may have no room for it
    // until some files are gone.
    let mut away: Option<(CString, OwnedFd)> = None;
    let mut waiting: Vec<(bool, CString)> =
        remove_files(&top)?.into_iter().map(|name| (false, name)).collect();
    let mut moved = 0_u64;
    while let Some((is_moved, name)) = waiting.pop() {
        let parent = away.as_ref().filter(|_| is_moved).map_or(&top, |(_, away)| away);
        let here = openat(parent, &name, DIRECTORY, Mode::empty())?;
        for inner in remove_files(&here)? {
            let (_, away) = match &mut away {
                Some(away) => away,
                none => none.insert(new_directory(&top)?),
            };
            moved += 1;
            let new = CString::new(moved.to_string())?;
            renameat(&here, &inner, &*away, &new)?;
            waiting.push((true, new));
        }
        let parent = away.as_ref().filter(|_| is_moved).map_or(&top, |(_, away)| away);
        unlinkat(parent, &name, AtFlags::REMOVEDIR)?;
    }
    if let Some((name, _)) = away {
        unlinkat(&top, &name, AtFlags::REMOVEDIR)?;
    }
    fs::remove_dir(dir)
}

const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Removes all that is no directory, and returns the directories, which can be opened now.
fn remove_files(dir: &OwnedFd) -> io::Result<Vec<CString>> {
    let mut directories = Vec::new();
    for entry in entries(dir)? {
        let stat = statat(dir, &entry, AtFlags::SYMLINK_NOFOLLOW)?;
        if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
            chmodat(dir, &entry, PRIVATE, AtFlags::empty())?;
            directories.push(entry);
        } else {
            unlinkat(dir, &entry, AtFlags::empty())?;
        }
    }
    Ok(directories)
}

/// A directory of a name that nothing here has.
fn new_directory(dir: &OwnedFd) -> io::Result<(CString, OwnedFd)> {
    let mut number = 0_u64;
    loop {
        let name = CString::new(format!("to-remove-{number}"))?;
        match mkdirat(dir, &name, PRIVATE) {
            Ok(()) => {
                let opened = openat(dir, &name, DIRECTORY, Mode::empty())?;
                return Ok((name, opened));
            }
            Err(Errno::EXIST) => number += 1,
            Err(error) => return Err(error.into()),
        }
    }
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
