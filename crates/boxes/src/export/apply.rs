//! Doing what a plan says, from wherever an earlier attempt has stopped.

use super::look::{FOLDER, folder, look, same};
use super::plan::{Item, Plan};
use crate::error::Error;
use crate::path::TreePath;
use crate::steps::Steps;
use crate::tree::Entry;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, RenameFlags};
use rustix::io::Errno;
use std::os::fd::OwnedFd;

/// Whether each path is as it was before the plan, as it is to be, or in between. Else
/// somebody else has changed it, and their work is not overwritten.
pub fn check(root: &OwnedFd, plan: &Plan) -> Result<(), Error> {
    for item in &plan.items {
        let is = look(root, &item.path)?;
        let is = is.as_ref();
        let between = match is {
            None => item.removes() || item.before.is_none(),
            // A folder gets its mode last.
            Some(is) => {
                let folder = |entry: &Option<Entry>| entry.as_ref().is_some_and(Entry::is_dir);
                is.is_dir() && (folder(&item.before) || folder(&item.after))
            }
        };
        let known = same(is, item.before.as_ref()) || same(is, item.after.as_ref());
        if !known && !between {
            return Err(meanwhile(item));
        }
    }
    Ok(())
}

fn meanwhile(item: &Item) -> Error {
    let why = "it was changed by somebody else meanwhile; move it away";
    Error::refused(item.path.as_str(), why)
}

/// Whether all that is not in its place yet is staged as it was, to the byte.
pub fn check_staged(root: &OwnedFd, staged: &OwnedFd, plan: &Plan) -> Result<(), Error> {
    for (place, item) in plan.items.iter().enumerate() {
        let after = item.after.as_ref().filter(|after| !after.is_dir());
        let Some(after) = after else { continue };
        let is_staged = same(look(staged, &new_name(place)?)?.as_ref(), Some(after));
        // Then what is staged is what was there, if anything.
        if !is_staged && !same(look(root, &item.path)?.as_ref(), Some(after)) {
            let why = "what was staged for it is gone, or is not what it was";
            return Err(Error::refused(item.path.as_str(), why));
        }
    }
    Ok(())
}

/// Makes all changes. `staged` has the new files, each under the place of its item, and gets
/// what was there before. Nothing is overwritten that is not as it was before the plan: it
/// stays, or is given back.
pub fn apply(root: &OwnedFd, staged: &OwnedFd, plan: &Plan, steps: &Steps) -> Result<(), Error> {
    let work = Work { root, staged, steps };
    for (place, item) in plan.items.iter().enumerate().rev().filter(|(_, item)| item.removes()) {
        steps.at("remove");
        work.remove(place, item)?;
    }
    for (place, item) in plan.items.iter().enumerate() {
        steps.at("put");
        work.put(place, item)?;
    }
    for item in plan.items.iter().rev() {
        if let Some(Entry::Dir { mode, xattrs, .. }) = &item.after {
            steps.at("set a folder's mode");
            let dir = open(root, item)?;
            for (name, value) in xattrs {
                let flags = rustix::fs::XattrFlags::empty();
                let set = rustix::fs::fsetxattr(&dir, name.as_str(), &value.0, flags);
                set.map_err(|error| failed(item, error))?;
            }
            rustix::fs::fchmod(&dir, Mode::from(*mode)).map_err(|error| failed(item, error))?;
        }
    }
    steps.at("sync");
    rustix::fs::syncfs(root).map_err(|error| Error::io("sync", "the folder", error))
}

fn failed(item: &Item, error: Errno) -> Error {
    Error::io("change", item.path.as_str(), error)
}

fn open(root: &OwnedFd, item: &Item) -> Result<OwnedFd, Error> {
    let gone = || failed(item, Errno::NOENT);
    let folder = folder(root, &item.path)?.ok_or_else(gone)?;
    let flags = FOLDER | OFlags::CLOEXEC;
    rustix::fs::openat(folder, item.path.name(), flags, Mode::empty())
        .map_err(|error| failed(item, error))
}

/// Where the new file of an item is staged.
fn new_name(place: usize) -> Result<TreePath, Error> {
    Ok(TreePath::new(place.to_string())?)
}

struct Work<'w> {
    root: &'w OwnedFd,
    staged: &'w OwnedFd,
    steps: &'w Steps,
}

impl Work<'_> {
    /// Removes what is still what was there before. A file is taken out of the way first, so
    /// that what is looked at is what is removed.
    fn remove(&self, place: usize, item: &Item) -> Result<(), Error> {
        let Some(folder) = folder(self.root, &item.path)? else { return Ok(()) };
        let name = item.path.name();
        let io = |error| failed(item, error);
        let stat = match rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Some(stat),
            Err(Errno::NOENT) => None,
            Err(error) => return Err(io(error)),
        };
        let is_dir = stat.map(|stat| FileType::from_raw_mode(stat.st_mode).is_dir());
        if item.before.as_ref().is_some_and(Entry::is_dir) {
            return match is_dir {
                // With anything in it, it stays.
                Some(true) => rustix::fs::unlinkat(&folder, name, AtFlags::REMOVEDIR).map_err(io),
                _ => Ok(()),
            };
        }
        let taken = TreePath::new(format!("{place}-taken"))?;
        // By an attempt that was cut off.
        self.look_at_taken(&folder, &taken, item)?;
        if is_dir != Some(false) {
            return Ok(());
        }
        self.steps.at("take");
        rustix::fs::renameat(&folder, name, self.staged, taken.name()).map_err(io)?;
        self.steps.at("look at what was taken");
        self.look_at_taken(&folder, &taken, item)
    }

    /// Gives back what is not what was to be removed.
    fn look_at_taken(&self, folder: &OwnedFd, taken: &TreePath, item: &Item) -> Result<(), Error> {
        let is = look(self.staged, taken)?;
        if is.is_none() || same(is.as_ref(), item.before.as_ref()) {
            return Ok(());
        }
        let back = rename_to_free(self.staged, taken.name(), folder, item.path.name());
        back.map_err(|error| failed(item, error)).and(Err(meanwhile(item)))
    }

    fn put(&self, place: usize, item: &Item) -> Result<(), Error> {
        let Some(after) = &item.after else { return Ok(()) };
        let io = |error| failed(item, error);
        let folder = folder(self.root, &item.path)?.ok_or_else(|| io(Errno::NOENT))?;
        let name = item.path.name();
        if after.is_dir() {
            return match rustix::fs::mkdirat(&folder, name, Mode::from(0o700)) {
                Err(Errno::EXIST) => Ok(()),
                made => made.map_err(io),
            };
        }
        let new = new_name(place)?;
        let is = look(self.root, &item.path)?;
        if same(is.as_ref(), Some(after)) {
            return self.look_at_swapped(&folder, &new, item);
        }
        let is_free = item.before.is_none() || item.removes();
        match is {
            None if is_free => match rename_to_free(self.staged, new.name(), &folder, name) {
                Err(Errno::EXIST) => Err(meanwhile(item)),
                renamed => renamed.map_err(io),
            },
            Some(is) if !is_free && same(Some(&is), item.before.as_ref()) => {
                self.steps.at("swap");
                swap(self.staged, new.name(), &folder, name).map_err(io)?;
                self.steps.at("look at what was swapped");
                self.look_at_swapped(&folder, &new, item)
            }
            _ => Err(meanwhile(item)),
        }
    }

    /// What is to be is there. Gives back what was there instead, if that is not what it was.
    fn look_at_swapped(&self, folder: &OwnedFd, new: &TreePath, item: &Item) -> Result<(), Error> {
        let (staged, name) = (self.staged, item.path.name());
        let io = |error| failed(item, error);
        let Some(is) = look(staged, new)? else { return Ok(()) };
        if same(Some(&is), item.after.as_ref()) {
            // Somebody has done the same; attributes are not looked at.
            return rustix::fs::renameat(staged, new.name(), folder, name).map_err(io);
        }
        if same(Some(&is), item.before.as_ref()) {
            return Ok(());
        }
        swap(staged, new.name(), folder, name).map_err(io).and(Err(meanwhile(item)))
    }
}

/// Renames to a name that nobody has. File systems that cannot do both at once do it one after
/// the other.
fn rename_to_free(from: &OwnedFd, old: &str, to: &OwnedFd, new: &str) -> Result<(), Errno> {
    match rustix::fs::renameat_with(from, old, to, new, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            match rustix::fs::statat(to, new, AtFlags::SYMLINK_NOFOLLOW) {
                Err(Errno::NOENT) => rustix::fs::renameat(from, old, to, new),
                Ok(_) => Err(Errno::EXIST),
                Err(error) => Err(error),
            }
        }
        renamed => renamed,
    }
}

/// Has two files change places. On file systems that cannot, the second is gone.
fn swap(from: &OwnedFd, old: &str, to: &OwnedFd, new: &str) -> Result<(), Errno> {
    match rustix::fs::renameat_with(from, old, to, new, RenameFlags::EXCHANGE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            rustix::fs::renameat(from, old, to, new)
        }
        swapped => swapped,
    }
}
