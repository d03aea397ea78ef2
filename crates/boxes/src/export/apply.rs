//! Doing what a plan says, from wherever an earlier attempt has stopped.

use super::look::{FOLDER, folder, look, same};
use super::plan::{Item, Plan};
use crate::error::Error;
use crate::path::TreePath;
use crate::steps::Steps;
use crate::tree::Entry;
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use std::os::fd::{AsFd, OwnedFd};

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
            let why = "it was changed by somebody else meanwhile; move it away";
            return Err(Error::refused(item.path.as_str(), why));
        }
    }
    Ok(())
}

/// Whether all that is not in its place yet is staged as it was, to the byte.
pub fn check_staged(root: &OwnedFd, staged: &OwnedFd, plan: &Plan) -> Result<(), Error> {
    for (place, item) in plan.items.iter().enumerate() {
        let after = item.after.as_ref().filter(|after| !after.is_dir());
        let Some(after) = after else { continue };
        let is = match look(staged, &TreePath::new(place.to_string())?)? {
            Some(is) => Some(is),
            None => look(root, &item.path)?,
        };
        if !same(is.as_ref(), Some(after)) {
            let why = "what was staged for it is gone, or is not what it was";
            return Err(Error::refused(item.path.as_str(), why));
        }
    }
    Ok(())
}

/// Makes all changes. `staged` has the new files, each under the place of its item.
pub fn apply(root: &OwnedFd, staged: &OwnedFd, plan: &Plan, steps: &Steps) -> Result<(), Error> {
    for item in plan.items.iter().rev().filter(|item| item.removes()) {
        steps.at("remove");
        remove(root, item)?;
    }
    for (place, item) in plan.items.iter().enumerate() {
        steps.at("put");
        put(root, staged, place, item)?;
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

/// Removes what is still what was there before.
fn remove(root: &OwnedFd, item: &Item) -> Result<(), Error> {
    let Some(folder) = folder(root, &item.path)? else { return Ok(()) };
    let was_dir = item.before.as_ref().is_some_and(Entry::is_dir);
    let is_dir = match rustix::fs::statat(&folder, item.path.name(), AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => rustix::fs::FileType::from_raw_mode(stat.st_mode).is_dir(),
        Err(Errno::NOENT) => return Ok(()),
        Err(error) => return Err(failed(item, error)),
    };
    if is_dir != was_dir {
        return Ok(());
    }
    let flags = if was_dir { AtFlags::REMOVEDIR } else { AtFlags::empty() };
    rustix::fs::unlinkat(&folder, item.path.name(), flags).map_err(|error| failed(item, error))
}

fn put(root: &OwnedFd, staged: impl AsFd, place: usize, item: &Item) -> Result<(), Error> {
    let Some(after) = &item.after else { return Ok(()) };
    let gone = || failed(item, Errno::NOENT);
    let folder = folder(root, &item.path)?.ok_or_else(gone)?;
    let done = match after {
        Entry::Dir { .. } => {
            match rustix::fs::mkdirat(&folder, item.path.name(), Mode::from(0o700)) {
                Err(Errno::EXIST) => Ok(()),
                made => made,
            }
        }
        // What is not staged any more is in its place already.
        _ => match rustix::fs::renameat(staged, place.to_string(), &folder, item.path.name()) {
            Err(Errno::NOENT) => Ok(()),
            renamed => renamed,
        },
    };
    done.map_err(|error| failed(item, error))
}
