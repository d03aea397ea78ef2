//! Names that change places, of which nobody's file is lost.

use rustix::fs::{AtFlags, RenameFlags};
use rustix::io::Errno;
use std::os::fd::OwnedFd;

#[cfg(test)]
mod tests;

/// Renames to a name that nobody has.
pub fn rename_to_free(from: &OwnedFd, old: &str, to: &OwnedFd, new: &str) -> Result<(), Errno> {
    match rustix::fs::renameat_with(from, old, to, new, RenameFlags::NOREPLACE) {
        Err(error) if is_unknown(error) => link_to_free(from, old, to, new),
        renamed => renamed,
    }
}

/// The same on file systems that cannot do both at once: a second name, which nobody can have
/// yet, and then without the first. What can have no second name is renamed after a look.
fn link_to_free(from: &OwnedFd, old: &str, to: &OwnedFd, new: &str) -> Result<(), Errno> {
    match rustix::fs::linkat(from, old, to, new, AtFlags::empty()) {
        Ok(()) => return rustix::fs::unlinkat(from, old, AtFlags::empty()),
        Err(Errno::EXIST) => return Err(Errno::EXIST),
        Err(_) => {}
    }
    match rustix::fs::statat(to, new, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => rustix::fs::renameat(from, old, to, new),
        Ok(_) => Err(Errno::EXIST),
        Err(error) => Err(error),
    }
}

/// Has two files change places, or the first take a place that has become free. Says whether
/// the file system can; if it cannot, nothing was done.
pub fn exchange(from: &OwnedFd, old: &str, to: &OwnedFd, new: &str) -> Result<bool, Errno> {
    match rustix::fs::renameat_with(from, old, to, new, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(true),
        Err(Errno::NOENT) => rename_to_free(from, old, to, new).map(|()| true),
        Err(error) if is_unknown(error) => Ok(false),
        Err(error) => Err(error),
    }
}

fn is_unknown(error: Errno) -> bool {
    matches!(error, Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP)
}
