//! An export: checked, staged, planned, applied.

use super::host::{HostDir, Journal};
use super::look::{folder, look, names, same};
use super::plan::Plan;
use super::record::Stage;
use crate::error::Error;
use crate::path::TreePath;
use crate::store::Store;
use crate::tree::{Changes, Entry, Xattrs};
use rustix::fs::{Access, AtFlags, Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::os::fd::OwnedFd;

#[cfg(test)]
mod tests;

/// An export that is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exported {
    /// How many paths were changed: not those that were so already.
    pub paths: usize,
}

impl HostDir {
    /// Makes changes in the folder: all of them, also if the machine fails halfway, or
    /// none. `planted` takes things over that may act outside of a box, such as git's
    /// hooks; otherwise they are refused.
    ///
    /// # Errors
    /// A path that is not as it was before the changes, a folder to be removed with
    /// something in it that they do not know, what was planted, a blob that is missing.
    /// Then nothing was changed. A failure after that is finished when the folder is opened
    /// again, or given up by [`HostDir::give_up`].
    pub fn export(
        &self,
        store: &Store,
        changes: &Changes,
        planted: bool,
    ) -> Result<Exported, Error> {
        let plan = Plan::new(changes);
        self.check_planted(&plan, planted)?;
        let paths = self.check(changes)?;
        if plan.items.is_empty() {
            return Ok(Exported { paths });
        }
        let journal = self.begin()?;
        if let Err(error) = self.plan(store, &journal, &plan, changes, planted) {
            return self.remove(&journal).and(Err(error));
        }
        self.work(&journal, &plan).apply().map_err(|error| self.unfinished(&error))?;
        self.done(&journal)?;
        Ok(Exported { paths })
    }

    /// Whether all that is to be changed is as it was, and how many paths that is.
    fn check(&self, changes: &Changes) -> Result<usize, Error> {
        let mut different = 0;
        for (path, change) in changes.by_path() {
            let is = look(&self.root, path)?;
            let is = is.as_ref();
            // It went with the folder that it was in, by an earlier export say.
            if is.is_none() && change.after.is_none() {
                continue;
            }
            let was = same(is, change.before.as_ref());
            // Of what differs in its attributes alone nobody can say whether it was changed.
            different += usize::from(was || !same(is, change.after.as_ref()));
            // What is there already is what an export that was given up has done.
            if !was && !same(is, change.after.as_ref()) {
                let why = "it is not as it was in the box when it began: somebody has changed it \
                           here, an earlier export perhaps. Look at what the box has changed \
                           (`box diff --patch`), have the same here and in the box by a copy of \
                           the file (`box cp`), and export again";
                return Err(Error::refused(path.as_str(), why));
            }
            let dir = |entry: &Option<Entry>| entry.as_ref().is_some_and(Entry::is_dir);
            if dir(&change.before) && !dir(&change.after) {
                self.only_known(path, changes)?;
            }
            self.has_folder(path, changes)?;
        }
        Ok(different)
    }

    /// Whether the folder of a path is there and can be written to, or is made too: a plan
    /// that cannot be finished must not be begun.
    fn has_folder(&self, path: &TreePath, changes: &Changes) -> Result<(), Error> {
        let parent = path.parent().map(TreePath::new).transpose()?;
        let change = parent.and_then(|parent| changes.by_path().get(&parent));
        if change.is_some_and(|change| !change.before.as_ref().is_some_and(Entry::is_dir)) {
            return Ok(());
        }
        let Some(folder) = folder(&self.root, path)? else {
            let why = "the folder that it is in is not here, though the box had it when it began; \
                       make it, or export into the folder that the box's files came from";
            return Err(Error::refused(path.as_str(), why));
        };
        let io = |error: Errno| Error::io("look at the folder of", path.as_str(), error);
        let here = rustix::fs::fstat(&self.root).map_err(io)?.st_dev;
        if rustix::fs::fstat(&folder).map_err(io)?.st_dev != here {
            let why = "it is on another file system than the folder, where no file can be moved \
                       to; export what is there by itself";
            return Err(Error::refused(path.as_str(), why));
        }
        let access = Access::WRITE_OK | Access::EXEC_OK;
        match rustix::fs::accessat(&folder, ".", access, AtFlags::EACCESS) {
            Ok(()) => Ok(()),
            Err(Errno::ACCESS | Errno::PERM | Errno::ROFS) => {
                let why = "this user may not write to the folder that it is in";
                Err(Error::refused(path.as_str(), why))
            }
            Err(error) => Err(io(error)),
        }
    }

    fn only_known(&self, path: &TreePath, changes: &Changes) -> Result<(), Error> {
        let inside = path.join("x")?;
        let Some(dir) = folder(&self.root, &inside)? else { return Ok(()) };
        for name in names(&dir, path.as_str())? {
            let known = path.join(&name).is_ok_and(|path| changes.by_path().contains_key(&path));
            if !known {
                let why = "it is in a folder that is to be removed, and the box does not know it";
                return Err(Error::refused(format!("{path}/{name}"), why));
            }
        }
        Ok(())
    }

    /// Writes all new files and then the plan, with which the export is decided.
    fn plan(
        &self,
        store: &Store,
        journal: &Journal,
        plan: &Plan,
        changes: &Changes,
        planted: bool,
    ) -> Result<(), Error> {
        for (place, item) in plan.items.iter().enumerate() {
            self.steps.at("stage");
            stage(store, &journal.staged, &place.to_string(), item.after.as_ref())?;
        }
        let io = |error: Errno| Error::io("sync", &self.path, error);
        self.steps.at("sync what is staged");
        rustix::fs::syncfs(&journal.staged).map_err(io)?;
        // Staging takes its time, in which people work on.
        self.check(changes)?;
        self.steps.at("write down the plan");
        self.write(&journal.id, Stage::Planned { planted, plan })
    }
}

fn stage(store: &Store, journal: &OwnedFd, name: &str, entry: Option<&Entry>) -> Result<(), Error> {
    let io = |error: Errno| Error::io("stage", name, error);
    match entry {
        Some(Entry::File { hash, mode, xattrs, .. }) => {
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
            let file = rustix::fs::openat(journal, name, flags, Mode::from(0o600)).map_err(io)?;
            let mut file = File::from(file);
            store.copy_blob(*hash, &mut file)?;
            set_xattrs(&file, xattrs).map_err(io)?;
            rustix::fs::fchmod(&file, Mode::from(*mode)).map_err(io)
        }
        Some(Entry::Symlink { target }) => {
            rustix::fs::symlinkat(target.as_str(), journal, name).map_err(io)
        }
        Some(Entry::Dir { .. } | Entry::Tombstone) | None => Ok(()),
    }
}

fn set_xattrs(file: &File, xattrs: &Xattrs) -> Result<(), Errno> {
    let flags = rustix::fs::XattrFlags::empty();
    xattrs
        .iter()
        .try_for_each(|(name, value)| rustix::fs::fsetxattr(file, name.as_str(), &value.0, flags))
}
