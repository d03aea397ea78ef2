//! A folder of the machine, opened: whatever an export has left is finished or undone.

use super::apply::Work;
use super::look::{FOLDER, look, same, seen};
use super::plan::Plan;
use super::record::{Record, Records, STAGED, Stage};
use crate::error::Error;
use crate::path::TreePath;
use crate::steps::Steps;
use crate::tree::{Planted, Seen};
use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// So many more that may act outside are named beside the first.
const PLANTED_TOLD_MAX: usize = 20;

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
    pub(super) records: Records,
    inode: u64,
    pub(super) steps: Steps,
    /// Whether names are exchanged where the file system can.
    pub(super) exchanges: bool,
}

/// An export that has begun: its id, and the folder of what is staged.
pub(super) struct Journal {
    pub id: String,
    pub staged: OwnedFd,
}

impl Journal {
    /// The name of the folder of what is staged.
    pub fn name(id: &str) -> String {
        format!("{STAGED}-{id}")
    }
}

impl HostDir {
    /// Opens a folder, and says what the crash of an earlier export needed. What exports are
    /// about to do is written down in `records`, which is made if need be: a folder of this
    /// user's own, where nobody else writes. Nothing in the folder itself is ever believed.
    ///
    /// # Errors
    /// [`Error::Busy`] while somebody else has it open. A file that somebody has changed
    /// since an export was cut off: then nothing more is changed.
    pub fn open(path: &Path, records: &Path) -> Result<(HostDir, Recovered), Error> {
        HostDir::open_told(path, records, Steps::default())
    }

    /// The same, with somebody who is told of each step.
    ///
    /// # Errors
    /// As [`HostDir::open`].
    pub fn open_told(
        path: &Path,
        records: &Path,
        steps: Steps,
    ) -> Result<(HostDir, Recovered), Error> {
        let host = HostDir::locked(path, records, steps)?;
        let recovered = host.recover()?;
        Ok((host, recovered))
    }

    /// Forgets what an earlier export has left to do in a folder, for one that cannot be
    /// finished. What it has done stays; what it has not is returned. The same export can be
    /// done again: what is there already is in nobody's way. What somebody has saved stays or
    /// is given back. Cut off, it is finished by the next that opens the folder, or tried again.
    ///
    /// # Errors
    /// [`Error::Busy`] while somebody else has the folder open. What somebody has saved that
    /// can go nowhere, because something else is in its place: then it is where it was.
    pub fn give_up(path: &Path, records: &Path) -> Result<Vec<TreePath>, Error> {
        let host = HostDir::locked(path, records, Steps::default())?;
        let mut left = Vec::new();
        for id in host.records.ids()? {
            let Some(staged) = host.inside(&Journal::name(&id))? else { continue };
            let journal = Journal { id, staged };
            match host.records.read(&journal.id) {
                Ok(Some(record)) if record.inode != host.inode => continue,
                Ok(Some(Record { stage: Stage::Planned { plan, .. }, .. })) => {
                    let work = host.work(&journal, &plan);
                    work.give_back()?;
                    work.put_back()?;
                    work.sync()?;
                    left.extend(host.left_of(plan)?);
                    // Nobody is to go on with what is removed now.
                    host.done(&journal)?;
                }
                // A plan that nobody can read has nothing to tell, and is given up as well.
                _ => host.remove(&journal)?,
            }
        }
        host.recover()?;
        Ok(left)
    }

    /// The paths of a plan that are not as it has them.
    fn left_of(&self, plan: Plan) -> Result<Vec<TreePath>, Error> {
        let mut left = Vec::new();
        for item in plan.items {
            if !same(look(&self.root, &item.path)?.as_ref(), item.after.as_ref()) {
                left.push(item.path);
            }
        }
        Ok(left)
    }

    fn locked(path: &Path, records: &Path, steps: Steps) -> Result<HostDir, Error> {
        let io = |error: Errno| Error::io("open", path, error);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(path, flags, Mode::empty()).map_err(io)?;
        match rustix::fs::flock(&root, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                let what = format!("somebody else writes to {}", path.display());
                return Err(Error::Busy(what));
            }
            Err(error) => return Err(Error::io("lock", path, error)),
        }
        let path = path.canonicalize().map_err(|error| Error::io("open", path, error))?;
        let inode = rustix::fs::fstat(&root).map_err(io)?.st_ino;
        let records = Records::open(records)?;
        Ok(HostDir { path, root, records, inode, steps, exchanges: true })
    }

    /// Goes by the records alone.
    fn recover(&self) -> Result<Recovered, Error> {
        let mut recovered = Recovered::Nothing;
        for id in self.records.ids()? {
            let staged = self.inside(&Journal::name(&id))?;
            let record = match self.records.read(&id) {
                Ok(Some(record)) => record,
                // Of another folder.
                Err(_) if staged.is_none() => continue,
                Err(error) => return Err(self.unfinished(&error)),
                Ok(None) => continue,
            };
            if record.inode != self.inode {
                continue;
            }
            let found = match staged {
                Some(staged) => self.recover_one(Journal { id, staged }, record.stage)?,
                // Of another folder with this number, on another file system.
                None if record.dir != self.path.to_string_lossy() => continue,
                None => {
                    self.records.remove(&id)?;
                    match record.stage {
                        Stage::Staging => Recovered::Undone,
                        // Somebody has removed what was staged, and so given it up.
                        Stage::Planned { .. } => continue,
                        Stage::Done => Recovered::Finished,
                    }
                }
            };
            recovered = found;
        }
        Ok(recovered)
    }

    fn recover_one(&self, journal: Journal, stage: Stage) -> Result<Recovered, Error> {
        match stage {
            Stage::Staging => {
                self.remove(&journal)?;
                Ok(Recovered::Undone)
            }
            Stage::Planned { planted, plan } => {
                let work = self.work(&journal, &plan);
                let applied = work
                    .give_back()
                    .and_then(|()| self.check_planted(&plan, planted))
                    .and_then(|()| work.check())
                    .and_then(|()| work.apply());
                applied.map_err(|error| self.unfinished(&error))?;
                self.done(&journal)?;
                Ok(Recovered::Finished)
            }
            Stage::Done => {
                self.remove(&journal)?;
                Ok(Recovered::Finished)
            }
        }
    }

    /// A plan, to be carried out here.
    pub(super) fn work<'w>(&'w self, journal: &'w Journal, plan: &'w Plan) -> Work<'w> {
        let staged_name = Journal::name(&journal.id);
        Work {
            root: &self.root,
            staged: &journal.staged,
            staged_name,
            plan,
            exchanges: self.exchanges,
            steps: &self.steps,
        }
    }

    /// What to do about a plan that could not be carried out.
    pub(super) fn unfinished(&self, error: &Error) -> Error {
        let why = format!(
            "an export into it has begun and cannot be finished: {error}. Put that right and \
             export again, which finishes it, or give the rest of it up (`box export --give-up`), \
             which leaves all that you have as it is"
        );
        Error::refused(self.path.display().to_string(), why)
    }

    /// Whether all of a plan that may act outside of a box was allowed.
    pub(super) fn check_planted(&self, plan: &Plan, allowed: bool) -> Result<(), Error> {
        if allowed {
            return Ok(());
        }
        let entries = plan.items.iter().filter_map(|item| Some((&item.path, item.after.as_ref()?)));
        let found = Planted::found(entries, &|path| match plan.item(path) {
            Some(item) => item.after.as_ref().and_then(Seen::of),
            None => seen(&self.root, path),
        });
        let Some((first, others)) = found.split_first() else { return Ok(()) };
        let mut why =
            "it may act outside of the box; look at it, then allow it for this export".to_owned();
        // Who allows one allows all.
        for other in others.iter().take(PLANTED_TOLD_MAX) {
            why.push_str(&format!("\nso may {other}"));
        }
        if let more @ 1.. = others.len().saturating_sub(PLANTED_TOLD_MAX) {
            why.push_str(&format!("\nand {more} more"));
        }
        Err(Error::refused(first.to_string(), why))
    }

    /// Begins an export: written down, with a folder for what will be staged.
    pub(super) fn begin(&self) -> Result<Journal, Error> {
        let id = Records::new_id()?;
        let name = Journal::name(&id);
        let io = |error: Errno| Error::io("make", self.path.join(&name), error);
        self.steps.at("write down that it begins");
        self.write(&id, Stage::Staging)?;
        self.steps.at("make the folder of what is staged");
        let made = rustix::fs::mkdirat(&self.root, &name, Mode::from(0o700)).map_err(io);
        made.or_else(|error| self.records.remove(&id).and(Err(error)))?;
        let staged = self.inside(&name)?.ok_or_else(|| io(Errno::NOENT))?;
        Ok(Journal { id, staged })
    }

    /// Writes down how far an export has come.
    pub(super) fn write(&self, id: &str, stage: Stage<&Plan>) -> Result<(), Error> {
        let dir = self.path.to_string_lossy().into_owned();
        self.records.write(id, &Record::new(dir, self.inode, stage))
    }

    /// A folder in the folder, if it is there.
    pub(super) fn inside(&self, name: &str) -> Result<Option<OwnedFd>, Error> {
        match rustix::fs::openat(&self.root, name, FOLDER, Mode::empty()) {
            Ok(journal) => Ok(Some(journal)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(Error::io("open", self.path.join(name), error)),
        }
    }

    /// Says that all is done, and removes what was staged.
    pub(super) fn done(&self, journal: &Journal) -> Result<(), Error> {
        self.steps.at("say that it is done");
        self.write(&journal.id, Stage::Done)?;
        self.remove(journal)
    }

    /// Removes what was staged of an export that is done or will never be, then its record.
    pub(super) fn remove(&self, journal: &Journal) -> Result<(), Error> {
        let name = Journal::name(&journal.id);
        let io = |error: Errno| Error::io("remove", self.path.join(&name), error);
        for file in super::look::names(&journal.staged, &name)? {
            self.steps.at("remove what was staged");
            rustix::fs::unlinkat(&journal.staged, file, AtFlags::empty()).map_err(io)?;
        }
        self.steps.at("remove the folder of what was staged");
        rustix::fs::unlinkat(&self.root, &name, AtFlags::REMOVEDIR).map_err(io)?;
        rustix::fs::fsync(&self.root).map_err(io)?;
        self.steps.at("remove the record");
        self.records.remove(&journal.id)
    }
}
