//! Folders and links that somebody outside makes in a box, in a folder that is open already.

use rustix::fs::{
    AtFlags, Mode, OFlags, ResolveFlags, fchmod, mkdirat, openat, openat2, symlinkat, unlinkat,
};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use std::os::fd::OwnedFd;

/// What is made at a path of a box.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Making {
    /// A folder, closed to others until it has its mode. That one is there already is
    /// `AlreadyExists`; that something else is, `NotADirectory`.
    Folder,
    /// The permission bits of a folder.
    Mode(u32),
    /// A symbolic link to there, in place of a file or link.
    Link(String),
    /// Room for a file: a file or link that is there is removed.
    Room,
}

/// Makes it. `resolve` says which links count as the folder that they lead to.
pub(crate) fn make(
    parent: &OwnedFd,
    name: &str,
    what: &Making,
    resolve: ResolveFlags,
) -> Result<(), Errno> {
    let found = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    match what {
        Making::Folder => match mkdirat(parent, name, Mode::from_raw_mode(0o700)) {
            Err(Errno::EXIST) => match openat2(parent, name, found, Mode::empty(), resolve) {
                Ok(_) => Err(Errno::EXIST),
                Err(Errno::LOOP) => Err(Errno::NOTDIR),
                Err(errno) => Err(errno),
            },
            made => made,
        },
        Making::Mode(mode) => {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let folder = openat(parent, name, flags, Mode::empty())?;
            fchmod(folder, Mode::from_raw_mode(mode & 0o777))
        }
        Making::Link(target) => {
            make(parent, name, &Making::Room, resolve)?;
            symlinkat(target.as_str(), parent, name)
        }
        Making::Room => match unlinkat(parent, name, AtFlags::empty()) {
            Err(Errno::NOENT) => Ok(()),
            removed => removed,
        },
    }
}
