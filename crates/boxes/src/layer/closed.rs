//! Files and folders that their owner may not read, opened for as long as they are read.
//!
//! The files of a box belong to who runs it, whom a mode holds back if that is not root. An owner
//! may change the mode, and here it is put back when all in it is read. Whoever is killed in
//! between has noted beside the tree what it has opened: the next reading closes it first.

use crate::error::Error;
use rustix::fs::{Access, AtFlags, CWD, Mode, OFlags, Stat};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

#[cfg(test)]
mod tests;

/// How a file is named without the right to read it.
const NAMED: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// The permission bits of a mode.
const BITS: u32 = 0o7777;

/// What is open for now.
#[derive(Debug)]
pub struct Closed {
    note: PathBuf,
    noted: Option<File>,
    /// Whether something could not be closed: then the note stays for the next reading.
    failed: bool,
    /// The outermost first, each with its own mode.
    open: Vec<(OwnedFd, u32)>,
}

/// What was opened.
#[derive(Debug, Serialize, Deserialize)]
struct Opened {
    /// From the folder that the note is in.
    path: PathBuf,
    inode: u64,
    was: u32,
    is: u32,
}

impl Closed {
    /// Closes what somebody has opened who was killed. Nobody else reads the tree.
    ///
    /// # Errors
    /// A note that cannot be read or removed.
    pub fn new(note: PathBuf) -> Result<Closed, Error> {
        let io = |error| Error::io("read", &note, error);
        match std::fs::read_to_string(&note) {
            Ok(text) => {
                let above = note.parent().unwrap_or(Path::new("."));
                // A line that is not whole was never acted upon.
                let opened = text.lines().filter_map(|line| serde_json::from_str(line).ok());
                let opened: Vec<Opened> = opened.collect();
                opened.iter().rev().for_each(|one| close_again(above, one));
                std::fs::remove_file(&note).map_err(io)?;
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(io(error)),
        }
        Ok(Closed { note, noted: None, failed: false, open: Vec::new() })
    }

    /// Lets this user read what `seen` was seen at a name in an open folder. `path` is from the
    /// folder that the note is in. It is for [`Closed::close_last`] to close it.
    ///
    /// # Errors
    /// What is not this user's; what took its place.
    pub fn open(
        &mut self,
        folder: impl AsFd,
        name: &str,
        seen: &Stat,
        path: &Path,
    ) -> Result<(), Error> {
        let io = |error: Errno| Error::io("open", path, error);
        let named = rustix::fs::openat(folder, name, NAMED, Mode::empty()).map_err(io)?;
        let stat = rustix::fs::fstat(&named).map_err(io)?;
        let was = stat.st_mode & BITS;
        if (stat.st_dev, stat.st_ino, was) != (seen.st_dev, seen.st_ino, seen.st_mode & BITS) {
            return Err(Error::refused(path.to_string_lossy(), "it was replaced; try again"));
        }
        let is = was | 0o500;
        self.write_down(&Opened { path: path.to_owned(), inode: stat.st_ino, was, is })?;
        change(&named, is).map_err(io)?;
        self.open.push((named, was));
        Ok(())
    }

    /// Closes what was opened last.
    pub fn close_last(&mut self) {
        let Some((named, was)) = self.open.pop() else { return };
        self.failed |= change(&named, was).is_err();
    }

    fn write_down(&mut self, opened: &Opened) -> Result<(), Error> {
        let io = |error: std::io::Error| Error::io("write", &self.note, error);
        let mut line = serde_json::to_vec(opened).map_err(|error| io(error.into()))?;
        line.push(b'\n');
        let file = match &mut self.noted {
            Some(file) => file,
            none => {
                let mut how = File::options();
                none.insert(how.create(true).append(true).open(&self.note).map_err(io)?)
            }
        };
        file.write_all(&line).and_then(|()| file.sync_data()).map_err(io)
    }
}

impl Drop for Closed {
    fn drop(&mut self) {
        while !self.open.is_empty() {
            self.close_last();
        }
        if self.noted.is_some() && !self.failed {
            let _ = std::fs::remove_file(&self.note);
        }
    }
}

/// Whether this user may look into an open folder.
pub fn may_look(folder: impl AsFd) -> bool {
    let access = Access::EXEC_OK;
    rustix::fs::accessat(folder, ".", access, AtFlags::EACCESS) != Err(Errno::ACCESS)
}

/// By its descriptor: a name could be another's by now.
fn change(named: &OwnedFd, mode: u32) -> Result<(), Errno> {
    let path = format!("/proc/self/fd/{}", named.as_raw_fd());
    rustix::fs::chmodat(CWD, path, Mode::from(mode), AtFlags::empty())
}

/// If it is what was opened, and nobody has given it another mode since.
fn close_again(above: &Path, opened: &Opened) {
    let mut at = rustix::fs::open(above, NAMED, Mode::empty());
    for name in &opened.path {
        at = at.and_then(|at| rustix::fs::openat(at, name, NAMED, Mode::empty()));
    }
    let Ok(at) = at else { return };
    let Ok(stat) = rustix::fs::fstat(&at) else { return };
    if (stat.st_ino, stat.st_mode & BITS) == (opened.inode, opened.is) {
        let _ = change(&at, opened.was);
    }
}
