//! Layers and trees become folders, whole or not at all.

use crate::error::Error;
use crate::hash::LayerId;
use crate::path::TreePath;
use crate::store::{Store, is_own, sync_dir};
use crate::tree::{Entry, Stack, Xattrs};
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Timespec, Timestamps};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::ErrorKind;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

#[cfg(test)]
mod tests;

/// When all files were changed last: 1980, the first year that zip files know. Times are
/// no part of a layer, and a build in a box must not see when it was written out.
const CHANGED_SECONDS: i64 = 315_619_200;

/// What overlayfs with `userxattr` takes for an opaque folder.
const OPAQUE: &str = "user.overlay.opaque";

/// The bits of a mode by which a program runs as its owner or group.
const SETUID: u32 = 0o6000;

/// The folder of a layer as a lower one of overlayfs, made when it is first asked for.
/// Nobody may write to it. Its programs run as whoever starts them.
///
/// # Errors
/// A layer or blob that is missing or damaged; a file system without `user.*` attributes.
pub fn lower(store: &Store, id: LayerId) -> Result<PathBuf, Error> {
    let path = store.lower_path(id);
    if is_there(&path)? {
        return Ok(path);
    }
    // Keeps garbage collection away.
    let writing = store.write()?;
    let manifest = store.layer(id)?;
    let beside = writing.temporary_path();
    match place(store, &without_setuid(manifest.entries()), &beside, &path) {
        // Somebody was quicker. A layer is what it is named after, so theirs is as good.
        Err(error) => match is_there(&path) {
            Ok(false) => Err(error),
            there => there.map(|_| path),
        },
        Ok(()) => Ok(path),
    }
}

/// Whether a layer is written out there. Through a link a box would see what it leads to.
fn is_there(path: &Path) -> Result<bool, Error> {
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() && is_own(&found) => Ok(true),
        Ok(_) => Err(Error::Damaged(format!(
            "{} is no folder that was written here; remove it, and it is written anew",
            path.display()
        ))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Error::io("look at", path, error)),
    }
}

/// No box gains by them, as it sees these files without; anybody else on this machine might.
fn without_setuid(entries: &BTreeMap<TreePath, Entry>) -> Cow<'_, BTreeMap<TreePath, Entry>> {
    let setuid = |entry: &Entry| matches!(entry, Entry::File { mode, .. } if mode & SETUID != 0);
    if !entries.values().any(setuid) {
        return Cow::Borrowed(entries);
    }
    let mut entries = entries.clone();
    for entry in entries.values_mut() {
        if let Entry::File { mode, .. } = entry {
            *mode &= !SETUID;
        }
    }
    Cow::Owned(entries)
}

/// Writes out what a stack shows, to a folder that is not there yet.
///
/// # Errors
/// A folder that is there; a layer or blob that is missing or damaged.
pub fn check_out(store: &Store, stack: &Stack, to: &Path) -> Result<(), Error> {
    if std::fs::symlink_metadata(to).is_ok() {
        return Err(Error::Busy(format!("{} is there already", to.display())));
    }
    let _writing = store.write()?;
    let mut name = to.file_name().unwrap_or_default().to_owned();
    name.push(format!(".partial-{}", std::process::id()));
    place(store, &stack.flat(), &to.with_file_name(name), to)
}

/// Writes out beside the place, then gives it its name. What fails leaves nothing.
fn place(
    store: &Store,
    entries: &BTreeMap<TreePath, Entry>,
    beside: &Path,
    to: &Path,
) -> Result<(), Error> {
    let written = write_out(store, entries, beside).and_then(|()| name(beside, to));
    written.inspect_err(|_| drop(std::fs::remove_dir_all(beside)))?;
    sync_dir(to.parent().unwrap_or(to))
}

fn name(beside: &Path, to: &Path) -> Result<(), Error> {
    let opened = File::open(beside).map_err(|error| Error::io("open", beside, error))?;
    rustix::fs::syncfs(&opened).map_err(|error| Error::io("sync", beside, error))?;
    let mode = Mode::from(0o755);
    rustix::fs::chmod(beside, mode).map_err(|error| Error::io("chmod", beside, error))?;
    std::fs::rename(beside, to).map_err(|error| Error::io("name", to, error))
}

fn write_out(store: &Store, entries: &BTreeMap<TreePath, Entry>, dir: &Path) -> Result<(), Error> {
    let io = |error: rustix::io::Errno| Error::io("make", dir, error);
    rustix::fs::mkdir(dir, Mode::from(0o700)).map_err(io)?;
    for (path, entry) in entries {
        let to = dir.join(path.as_str());
        write_entry(store, entry, &to)?;
    }
    // From the deepest up: a folder that may not be written to is filled by then.
    for (path, entry) in entries.iter().rev() {
        if let Entry::Dir { mode, opaque, xattrs } = entry {
            let to = dir.join(path.as_str());
            let opened = File::open(&to).map_err(|error| Error::io("open", &to, error))?;
            if *opaque {
                set_xattr(&opened, OPAQUE, b"y", &to)?;
            }
            finish(&opened, *mode, xattrs, &to)?;
        }
    }
    Ok(())
}

fn write_entry(store: &Store, entry: &Entry, to: &Path) -> Result<(), Error> {
    let io = |error: rustix::io::Errno| Error::io("write", to, error);
    match entry {
        Entry::Dir { .. } => rustix::fs::mkdir(to, Mode::from(0o700)).map_err(io),
        Entry::File { hash, mode, xattrs, .. } => {
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
            let mut file = File::from(rustix::fs::open(to, flags, Mode::from(0o600)).map_err(io)?);
            store.copy_blob(*hash, &mut file)?;
            finish(&file, *mode, xattrs, to)
        }
        Entry::Symlink { target } => {
            rustix::fs::symlink(target.as_str(), to).map_err(io)?;
            let flags = AtFlags::SYMLINK_NOFOLLOW;
            rustix::fs::utimensat(CWD, to, &times(), flags).map_err(io)
        }
        Entry::Tombstone => {
            let kind = FileType::CharacterDevice;
            rustix::fs::mknodat(CWD, to, kind, Mode::empty(), 0).map_err(io)
        }
    }
}

fn finish(file: impl AsFd, mode: u32, xattrs: &Xattrs, path: &Path) -> Result<(), Error> {
    for (name, value) in xattrs {
        set_xattr(&file, name, &value.0, path)?;
    }
    let io = |error: rustix::io::Errno| Error::io("write", path, error);
    rustix::fs::fchmod(&file, Mode::from(mode)).map_err(io)?;
    rustix::fs::futimens(&file, &times()).map_err(io)
}

fn set_xattr(file: impl AsFd, name: &str, value: &[u8], path: &Path) -> Result<(), Error> {
    let flags = rustix::fs::XattrFlags::empty();
    rustix::fs::fsetxattr(file, name, value, flags)
        .map_err(|error| Error::io(&format!("set the attribute {name} of"), path, error))
}

fn times() -> Timestamps {
    let time = Timespec { tv_sec: CHANGED_SECONDS, tv_nsec: 0 };
    Timestamps { last_access: time, last_modification: time }
}
