//! Names that change places, of which nobody's file is lost.

use rustix::fs::{AtFlags, RenameFlags};
use rustix::io::Errno;
use std::os::fd::OwnedFd;

/// Renames to a name that nobody has. File systems that cannot do both at once do it one after
/// the other.
pub fn rename_to_free(from: &OwnedFd, old: &str, to: &OwnedFd, new: &str) -> Result<(), Errno> {
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

/// Has two files change places, or the first take a place that has become free. On file systems
/// that cannot exchange, the second is gone.
pub fn exchange(from: &OwnedFd, old: &str, to: &OwnedFd, new: &str) -> Result<(), Errno> {
    match rustix::fs::renameat_with(from, old, to, new, RenameFlags::EXCHANGE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            rustix::fs::renameat(from, old, to, new)
        }
        Err(Errno::NOENT) => rename_to_free(from, old, to, new),
        swapped => swapped,
    }
}
