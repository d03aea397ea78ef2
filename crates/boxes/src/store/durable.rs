//! Names that are on disk, and locks that end with their process.

use crate::error::Error;
use rustix::fs::{FlockOperation, Mode, OFlags};
use std::fs::{File, Metadata, Permissions};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::Path;

/// Makes durable what names a folder has.
pub fn sync_dir(dir: &Path) -> Result<(), Error> {
    // The folder of a bare name.
    let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    let opened = File::open(dir).and_then(|dir| dir.sync_all());
    opened.map_err(|error| Error::io("sync", dir, error))
}

/// Whether this user has it: what somebody else has, he can change.
pub fn is_own(found: &Metadata) -> bool {
    found.uid() == rustix::process::geteuid().as_raw()
}

/// Whether what was opened by a path is there still.
pub fn is_at(file: &OwnedFd, path: &Path) -> Result<bool, Error> {
    let io = |error| Error::io("look at", path, error);
    let opened = rustix::fs::fstat(file).map_err(io)?;
    match rustix::fs::stat(path) {
        Ok(there) => Ok((there.st_dev, there.st_ino) == (opened.st_dev, opened.st_ino)),
        Err(rustix::io::Errno::NOENT) => Ok(false),
        Err(error) => Err(io(error)),
    }
}

/// A folder that nobody else may look into, made if need be. A link to one, or somebody else's,
/// was not made by us.
pub fn private_dir(dir: &Path) -> Result<(), Error> {
    const OWN: u32 = 0o700;
    let made = std::fs::DirBuilder::new().recursive(true).mode(OWN).create(dir);
    made.map_err(|error| Error::io("make", dir, error))?;
    let io = |error| Error::io("close to others", dir, error);
    let found = std::fs::symlink_metadata(dir).map_err(io)?;
    if !found.is_dir() || !is_own(&found) {
        let why = "a folder of your own is wanted here, and no link to one";
        return Err(Error::refused(dir.display().to_string(), why));
    }
    if found.permissions().mode() & 0o7777 != OWN {
        std::fs::set_permissions(dir, Permissions::from_mode(OWN)).map_err(io)?;
    }
    Ok(())
}

fn open(path: &Path) -> Result<OwnedFd, Error> {
    let flags = OFlags::CREATE | OFlags::RDWR | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::from(0o600)).map_err(|error| Error::io("open", path, error))
}

/// Waits for a lock, shared or alone. It is given up when the file is closed, and so when
/// the process ends, however it ends.
pub fn lock(path: &Path, alone: bool) -> Result<OwnedFd, Error> {
    let file = open(path)?;
    let how = if alone { FlockOperation::LockExclusive } else { FlockOperation::LockShared };
    rustix::io::retry_on_intr(|| rustix::fs::flock(&file, how))
        .map_err(|error| Error::io("lock", path, error))?;
    Ok(file)
}

/// Takes a lock alone, or `None` if somebody has it.
pub fn try_lock(path: &Path) -> Result<Option<OwnedFd>, Error> {
    let file = open(path)?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(Error::io("lock", path, error)),
    }
}
