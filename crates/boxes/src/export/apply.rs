//! Doing what a plan says, from wherever an earlier attempt has stopped.

use super::decide::{Is, Put, Why, put, removal};
use super::look::{FOLDER, folder, look};
use super::moves::{exchange, rename_to_free};
use super::plan::{Item, Plan};
use crate::error::Error;
use crate::path::TreePath;
use crate::steps::Steps;
use crate::tree::Entry;
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use std::os::fd::OwnedFd;

/// A plan, where it is carried out. `staged` has the new files, each under the place of its
/// item, and gets what was there before.
pub struct Work<'w> {
    pub root: &'w OwnedFd,
    pub staged: &'w OwnedFd,
    /// The name of the folder of what is staged, for people.
    pub staged_name: String,
    pub plan: &'w Plan,
    /// Whether names are exchanged where the file system can.
    pub exchanges: bool,
    pub steps: &'w Steps,
}

impl Work<'_> {
    /// Whether all that is not done yet can be: each path is as it was before the plan, as it is
    /// to be, or free, and what was staged is as it was, to the byte. Else somebody has changed
    /// it, and their work is not overwritten.
    pub fn check(&self) -> Result<(), Error> {
        for (place, item) in self.plan.items.iter().enumerate() {
            let refused = |why| self.refused(place, item, why);
            let mut host = self.host(item)?;
            let taken = self.taken(place, item)?;
            if item.removes() && removal(item, host, taken).map_err(refused)? {
                host = Is::Missing;
            }
            let put = put(item, host, self.staged(place, item)?).map_err(refused)?;
            if put != Put::Nothing && !self.has_folder(item)? {
                return Err(refused(Why::NoParent));
            }
        }
        Ok(())
    }

    /// Whether the folder of a path is there, or will be.
    fn has_folder(&self, item: &Item) -> Result<bool, Error> {
        let parent = item.path.parent().map(TreePath::new).transpose()?;
        let made = parent.and_then(|parent| self.plan.item(&parent)?.after.as_ref());
        Ok(made.is_some_and(Entry::is_dir) || folder(self.root, &item.path)?.is_some())
    }

    /// Makes all changes. Nothing is overwritten that is not as it was before the plan: it
    /// stays, or is given back.
    pub fn apply(&self) -> Result<(), Error> {
        let items = || self.plan.items.iter().enumerate();
        for (place, item) in items().rev().filter(|(_, item)| item.removes()) {
            self.steps.at("remove");
            self.remove(place, item)?;
        }
        for (place, item) in items().filter(|(_, item)| item.after.is_some()) {
            self.steps.at("put");
            self.put(place, item)?;
        }
        for (place, item) in items().rev() {
            if let Some(after @ Entry::Dir { .. }) = &item.after {
                self.steps.at("set a folder's mode");
                self.set_mode(place, item, after)?;
            }
        }
        self.sync()
    }

    /// Has all that was done on disk: only then may anything say that it is done.
    pub fn sync(&self) -> Result<(), Error> {
        self.steps.at("sync");
        rustix::fs::syncfs(self.root).map_err(|error| Error::io("sync", "the folder", error))
    }

    /// Gives a folder its attributes and mode.
    pub fn set_mode(&self, place: usize, item: &Item, entry: &Entry) -> Result<(), Error> {
        let Entry::Dir { mode, xattrs, .. } = entry else { return Ok(()) };
        let io = |error| failed(item, error);
        let flags = FOLDER | OFlags::CLOEXEC;
        let folder = self.folder(place, item)?;
        let dir = match rustix::fs::openat(folder, item.path.name(), flags, Mode::empty()) {
            Err(Errno::NOENT) => return Err(self.refused(place, item, Why::NoFolder)),
            Err(Errno::NOTDIR | Errno::LOOP) => {
                return Err(self.refused(place, item, Why::Changed));
            }
            dir => dir.map_err(io)?,
        };
        for (name, value) in xattrs {
            let flags = rustix::fs::XattrFlags::empty();
            rustix::fs::fsetxattr(&dir, name.as_str(), &value.0, flags).map_err(io)?;
        }
        rustix::fs::fchmod(&dir, Mode::from(*mode)).map_err(io)
    }

    /// Removes what is still what was there before. A file is taken out of the way first, so
    /// that what is looked at is what is removed.
    fn remove(&self, place: usize, item: &Item) -> Result<(), Error> {
        let refused = |why| self.refused(place, item, why);
        if !removal(item, self.host(item)?, self.taken(place, item)?).map_err(refused)? {
            return Ok(());
        }
        let (folder, name) = (self.folder(place, item)?, item.path.name());
        if item.before.as_ref().is_some_and(Entry::is_dir) {
            return match rustix::fs::unlinkat(&folder, name, AtFlags::REMOVEDIR) {
                Ok(()) | Err(Errno::NOENT) => Ok(()),
                Err(Errno::NOTEMPTY | Errno::EXIST) => Err(refused(Why::NotEmpty)),
                Err(error) => Err(failed(item, error)),
            };
        }
        self.take(place, item)
    }

    /// Takes away what is there, and gives it back if that is somebody's own.
    fn take(&self, place: usize, item: &Item) -> Result<(), Error> {
        let (folder, taken) = (self.folder(place, item)?, taken_name(place)?);
        self.steps.at("take");
        match rustix::fs::renameat(&folder, item.path.name(), self.staged, taken.name()) {
            // Somebody was faster.
            Err(Errno::NOENT) => return Ok(()),
            renamed => renamed.map_err(|error| failed(item, error))?,
        }
        self.steps.at("look at what was taken");
        match self.taken(place, item)? {
            Is::Before => Ok(()),
            Is::After if item.exchanges() => Ok(()),
            _ => self.free(place, item, &taken, Why::Kept).and(Err(self.refused(
                place,
                item,
                Why::Changed,
            ))),
        }
    }

    fn put(&self, place: usize, item: &Item) -> Result<(), Error> {
        let refused = |why| self.refused(place, item, why);
        let put = put(item, self.host(item)?, self.staged(place, item)?).map_err(refused)?;
        match put {
            Put::Nothing => Ok(()),
            Put::Move => self.free(place, item, &new_name(place)?, Why::Changed),
            Put::Exchange => self.exchange(place, item),
            Put::Make => self.make(place, item),
        }
    }

    /// Makes a folder, which gets its mode last.
    pub fn make(&self, place: usize, item: &Item) -> Result<(), Error> {
        let folder = self.folder(place, item)?;
        match rustix::fs::mkdirat(&folder, item.path.name(), Mode::from(0o700)) {
            Err(Errno::EXIST) => Err(self.refused(place, item, Why::Changed)),
            made => made.map_err(|error| failed(item, error)),
        }
    }

    /// Moves what is staged to a path that is free.
    pub fn free(&self, place: usize, item: &Item, name: &TreePath, why: Why) -> Result<(), Error> {
        let folder = self.folder(place, item)?;
        match rename_to_free(self.staged, name.name(), &folder, item.path.name()) {
            Err(Errno::EXIST) => Err(self.refused(place, item, why)),
            renamed => renamed.map_err(|error| failed(item, error)),
        }
    }

    /// Has what is there and what is staged for it change places; back again, if that was
    /// somebody's own.
    fn exchange(&self, place: usize, item: &Item) -> Result<(), Error> {
        self.steps.at("swap");
        if !self.exchanges || !self.swap(place, item)? {
            // One after the other, and the path is free meanwhile.
            self.take(place, item)?;
            self.steps.at("put in place of what was taken");
            return self.free(place, item, &new_name(place)?, Why::Changed);
        }
        self.steps.at("look at what was swapped");
        match self.staged(place, item)? {
            Is::Other => self.swap(place, item).and(Err(self.refused(place, item, Why::Changed))),
            _ => Ok(()),
        }
    }

    /// Whether what is there and what is staged have changed places: not every file system can.
    pub fn swap(&self, place: usize, item: &Item) -> Result<bool, Error> {
        let (folder, new) = (self.folder(place, item)?, new_name(place)?);
        let swapped = exchange(self.staged, new.name(), &folder, item.path.name());
        swapped.map_err(|error| failed(item, error))
    }

    /// What is at the path of an item.
    pub fn host(&self, item: &Item) -> Result<Is, Error> {
        Ok(Is::of(item, look(self.root, &item.path)?.as_ref()))
    }

    /// What is staged for an item.
    pub fn staged(&self, place: usize, item: &Item) -> Result<Is, Error> {
        Ok(Is::of(item, look(self.staged, &new_name(place)?)?.as_ref()))
    }

    /// What was taken away for an item.
    pub fn taken(&self, place: usize, item: &Item) -> Result<Is, Error> {
        Ok(Is::of(item, look(self.staged, &taken_name(place)?)?.as_ref()))
    }

    /// The open folder that the path of an item is in.
    pub fn folder(&self, place: usize, item: &Item) -> Result<OwnedFd, Error> {
        folder(self.root, &item.path)?.ok_or_else(|| self.refused(place, item, Why::NoParent))
    }

    /// Why a path is left as it is, and what somebody can do about it.
    pub fn refused(&self, place: usize, item: &Item, why: Why) -> Error {
        let why = match why {
            Why::Changed => {
                "it was changed by somebody else meanwhile; move it away, and the export goes on \
                 without it, or make it what it was"
            }
            Why::Kept => {
                let names = [new_name(place), taken_name(place)].into_iter().flatten();
                let there = |name: &TreePath| matches!(look(self.staged, name), Ok(Some(_)));
                let kept: Vec<String> = names
                    .filter(there)
                    .map(|name| format!("{}/{name}", self.staged_name))
                    .collect();
                let why = format!(
                    "what somebody else has made of it is in {}, and has no way back; move it \
                     from there to where you want it",
                    kept.join(" or ")
                );
                return Error::refused(item.path.as_str(), why);
            }
            Why::NotStaged => {
                "what was staged for it is gone, or is not what it was; put there what the box has"
            }
            Why::NoParent => "the folder that it is in is not there now; put it back, or make it",
            Why::NoFolder => "this folder is not there now; put it back, or make it",
            Why::NotEmpty => "something is in it that the box does not know; move that out of it",
        };
        Error::refused(item.path.as_str(), why)
    }
}

pub fn failed(item: &Item, error: Errno) -> Error {
    Error::io("change", item.path.as_str(), error)
}

/// Where the new file of an item is staged.
pub fn new_name(place: usize) -> Result<TreePath, Error> {
    Ok(TreePath::new(place.to_string())?)
}

/// Where the file is that an item has taken away.
pub fn taken_name(place: usize) -> Result<TreePath, Error> {
    Ok(TreePath::new(format!("{place}-taken"))?)
}
