//! A folder of the machine, opened: whatever an export has left is finished or undone.

use super::apply::{apply, check};
use super::look::{FOLDER, look, same};
use super::plan::Plan;
use crate::error::Error;
use crate::path::TreePath;
use crate::steps::Steps;
use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// What is in the folder while an export goes on.
pub const JOURNAL: &str = ".greenroom-export";

/// The same when all is done: only garbage.
pub const DONE: &str = ".greenroom-exported";

/// The plan's file in it, and as it is being written.
pub const PLAN: &str = "plan";
pub const PLAN_PARTIAL: &str = "plan.partial";

/// What the crash of an earlier export needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovered {
    /// Nothing: there was none.
    Nothing,
    /// It had not begun to change the folder, and never will.
    Undone,
    /// It had begun, and is done now.
    Finished,
}

/// A folder that exports go to. One process has it open at a time.
#[derive(Debug)]
pub struct HostDir {
    pub(super) path: PathBuf,
    pub(super) root: OwnedFd,
    pub(super) steps: Steps,
}

impl HostDir {
    /// Opens a folder, and says what the crash of an earlier export needed.
    ///
    /// # Errors
    /// [`Error::Busy`] while somebody else has it open. A file that somebody has changed
    /// since an export was cut off: then nothing more is changed.
    pub fn open(path: &Path) -> Result<(HostDir, Recovered), Error> {
        HostDir::open_told(path, Steps::default())
    }

    /// The same, with somebody who is told of each step.
    ///
    /// # Errors
    /// As [`HostDir::open`].
    pub fn open_told(path: &Path, steps: Steps) -> Result<(HostDir, Recovered), Error> {
        let host = HostDir::locked(path, steps)?;
        let recovered = host.recover()?;
        Ok((host, recovered))
    }

    /// Forgets what an earlier export has left to do in a folder, for one that cannot be
    /// finished. What it has done stays; what it has not is returned. The same export can be
    /// done again: what is there already is in nobody's way.
    ///
    /// # Errors
    /// [`Error::Busy`] while somebody else has the folder open.
    pub fn give_up(path: &Path) -> Result<Vec<TreePath>, Error> {
        let host = HostDir::locked(path, Steps::default())?;
        let Some(journal) = host.inside(JOURNAL)? else {
            host.recover()?;
            return Ok(Vec::new());
        };
        let mut left = Vec::new();
        // A plan that nobody can read has nothing to tell, and is given up as well.
        if let Some(plan) = host.plan_in(&journal)?.and_then(|file| host.read_plan(file).ok()) {
            for item in plan.items {
                let is = look(&host.root, &item.path)?;
                if !same(is.as_ref(), item.after.as_ref()) {
                    left.push(item.path);
                }
            }
        }
        host.remove(&journal, JOURNAL)?;
        Ok(left)
    }

    fn locked(path: &Path, steps: Steps) -> Result<HostDir, Error> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(path, flags, Mode::empty())
            .map_err(|error| Error::io("open", path, error))?;
        match rustix::fs::flock(&root, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                let what = format!("somebody else writes to {}", path.display());
                return Err(Error::Busy(what));
            }
            Err(error) => return Err(Error::io("lock", path, error)),
        }
        Ok(HostDir { path: path.to_owned(), root, steps })
    }

    fn recover(&self) -> Result<Recovered, Error> {
        if let Some(done) = self.inside(DONE)? {
            self.remove(&done, DONE)?;
            return Ok(Recovered::Finished);
        }
        let Some(journal) = self.inside(JOURNAL)? else { return Ok(Recovered::Nothing) };
        match self.plan_in(&journal)? {
            Some(file) => {
                let plan = self.read_plan(file)?;
                let applied = check(&self.root, &plan)
                    .and_then(|()| apply(&self.root, &journal, &plan, &self.steps));
                applied.map_err(|error| self.unfinished(&error))?;
                self.done(&journal)?;
                Ok(Recovered::Finished)
            }
            None => {
                self.remove(&journal, JOURNAL)?;
                Ok(Recovered::Undone)
            }
        }
    }

    fn plan_in(&self, journal: &OwnedFd) -> Result<Option<OwnedFd>, Error> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match rustix::fs::openat(journal, PLAN, flags, Mode::empty()) {
            Ok(file) => Ok(Some(file)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(Error::io("open", &self.path, error)),
        }
    }

    fn read_plan(&self, file: OwnedFd) -> Result<Plan, Error> {
        let mut bytes = Vec::new();
        let read = File::from(file).read_to_end(&mut bytes);
        read.map_err(|error| Error::io("read", &self.path, error))?;
        Plan::decode(&bytes)
    }

    /// What to do about a plan that could not be carried out.
    pub(super) fn unfinished(&self, error: &Error) -> Error {
        let why = format!(
            "an export into it has begun and cannot be finished: {error}. Put that right and \
             export again, which finishes it, or give the rest of it up (`box export --give-up`)"
        );
        Error::refused(self.path.display().to_string(), why)
    }

    /// A folder in the folder, if it is there.
    pub(super) fn inside(&self, name: &str) -> Result<Option<OwnedFd>, Error> {
        match rustix::fs::openat(&self.root, name, FOLDER, Mode::empty()) {
            Ok(journal) => Ok(Some(journal)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(Error::io("open", self.path.join(name), error)),
        }
    }

    /// Says that all is done, by one rename, and removes the journal.
    pub(super) fn done(&self, journal: &OwnedFd) -> Result<(), Error> {
        let io = |error: Errno| Error::io("remove", self.path.join(JOURNAL), error);
        self.steps.at("say that it is done");
        rustix::fs::renameat(&self.root, JOURNAL, &self.root, DONE).map_err(io)?;
        rustix::fs::fsync(&self.root).map_err(io)?;
        self.remove(journal, DONE)
    }

    /// Removes a folder of the journal that says nothing any more.
    pub(super) fn remove(&self, journal: &OwnedFd, name: &str) -> Result<(), Error> {
        let io = |error: Errno| Error::io("remove", self.path.join(name), error);
        // First: without the rest it would lie.
        match rustix::fs::unlinkat(journal, PLAN, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(io(error)),
        }
        for file in super::look::names(journal, name)? {
            self.steps.at("remove a part of the journal");
            rustix::fs::unlinkat(journal, file, AtFlags::empty()).map_err(io)?;
        }
        self.steps.at("remove the journal");
        rustix::fs::unlinkat(&self.root, name, AtFlags::REMOVEDIR).map_err(io)?;
        rustix::fs::fsync(&self.root).map_err(io)
    }
}
