//! Files of a folder that somebody else may have filled: opened through no link, which could lead
//! to what is not theirs to take, and without waiting for whoever writes to a pipe.

use crate::error::Error;
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, openat, openat2};
use rustix::io::Errno;
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

const READ: OFlags =
    OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::CLOEXEC).union(OFlags::NOCTTY);

/// Opens what is in a folder.
pub fn open_beneath(dir: &Path, relative: &Path) -> Result<OwnedFd, Error> {
    let folder = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = openat(CWD, folder, flags, Mode::empty())
        .map_err(|error| Error::io("open", dir.join(relative), error))?;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    open(folder, relative, &dir.join(relative), resolve)
}

/// Opens a regular file that is in a folder.
pub fn file_beneath(dir: &Path, relative: &Path) -> Result<File, Error> {
    regular(open_beneath(dir, relative)?, &dir.join(relative))
}

/// Opens a path that has no link in it.
pub fn open_real(path: &Path) -> Result<OwnedFd, Error> {
    open(CWD, path, path, ResolveFlags::NO_SYMLINKS)
}

/// Opens a regular file by a path that has no link in it.
pub fn file_real(path: &Path) -> Result<File, Error> {
    regular(open_real(path)?, path)
}

fn open(
    folder: impl AsFd,
    path: &Path,
    shown: &Path,
    resolve: ResolveFlags,
) -> Result<OwnedFd, Error> {
    match openat2(folder, path, READ, Mode::empty(), resolve) {
        Err(Errno::LOOP) => {
            let why = "a symbolic link, which is not followed; name the file itself";
            Err(Error::refused(shown.display().to_string(), why))
        }
        // A socket, or a device that nothing drives.
        Err(Errno::NXIO) => Err(not_regular("socket or a device", shown)),
        opened => opened.map_err(|error| Error::io("open", shown, error)),
    }
}

fn regular(opened: OwnedFd, shown: &Path) -> Result<File, Error> {
    let stat = rustix::fs::fstat(&opened).map_err(|error| Error::io("read", shown, error))?;
    let what = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => return Ok(File::from(opened)),
        FileType::Directory => "folder",
        FileType::Fifo => "pipe",
        FileType::Socket => "socket",
        _ => "device",
    };
    Err(not_regular(what, shown))
}

fn not_regular(what: &str, shown: &Path) -> Error {
    let why = format!("a file is wanted here, and this is a {what}");
    Error::refused(shown.display().to_string(), why)
}
