//! Files that were read before and have not changed since, as git's index knows them.
//!
//! A file is taken for what it was if its size, its times and its number are the same. That may
//! lie where a change leaves no trace in them, so such files are not noted:
//!
//! - one that was changed in the tick of the clock in which it was read: the next change may have
//!   the same time (git calls it racily clean). The time that counts is that of the inode, which
//!   no program can set;
//! - one that is open for writing: who has mapped it may change it without its times.

use crate::error::Error;
use crate::hash::BlobHash;
use crate::path::TreePath;
use crate::sandbox::sys;
use crate::tree::{Entry, Stack};
use rustix::fs::Stat;
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::os::fd::AsFd;
use std::path::Path;

#[cfg(test)]
mod tests;

/// Raised when the file changes its meaning.
const FORMAT: u32 = 1;

/// What tells a file from what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    number: u64,
    size: i64,
    /// Of its content, and of its inode: seconds and nanoseconds.
    changed: (i64, u64),
    inode_changed: (i64, u64),
}

impl Seen {
    fn of(stat: &Stat) -> Seen {
        Seen {
            number: stat.st_ino,
            size: stat.st_size,
            changed: (stat.st_mtime, stat.st_mtime_nsec),
            inode_changed: (stat.st_ctime, stat.st_ctime_nsec),
        }
    }
}

/// The files of a folder that need not be read, and those that need not be the next time.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Known {
    format: u32,
    files: BTreeMap<TreePath, (Seen, BlobHash)>,
    #[serde(skip)]
    next: BTreeMap<TreePath, (Seen, BlobHash)>,
    /// When the reading began, by the clock that files have their times from.
    #[serde(skip)]
    began: (i64, u64),
}

impl Known {
    /// What an earlier reading has noted in a file, as far as these layers have it: what they
    /// have is in the store, and stays. Nothing of it may change until the reading is done.
    pub fn load(file: &Path, stack: &Stack) -> Known {
        let bytes = std::fs::read(file).unwrap_or_default();
        // What cannot be read is read anew from the files themselves.
        let mut known: Known = serde_json::from_slice(&bytes).unwrap_or_default();
        if known.format != FORMAT {
            known.files.clear();
        }
        known.files.retain(|path, (_, noted)| {
            matches!(stack.get(path), Some(Entry::File { hash, .. }) if hash == noted)
        });
        let now = clock_gettime(ClockId::RealtimeCoarse);
        known.began = (now.tv_sec, u64::try_from(now.tv_nsec).unwrap_or(0));
        known
    }

    /// Writes down what need not be read the next time.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn keep(self, file: &Path) -> Result<(), Error> {
        let io = |error| Error::io("write", file, error);
        if self.next == self.files {
            return Ok(());
        }
        let known = Known { format: FORMAT, files: self.next, ..Known::default() };
        let bytes = serde_json::to_vec(&known).map_err(|error| io(error.into()))?;
        let partial = file.with_extension("partial");
        std::fs::write(&partial, bytes).map_err(io)?;
        std::fs::rename(&partial, file).map_err(io)
    }

    /// The content of a file that has not changed.
    pub(super) fn unchanged(&mut self, path: &TreePath, stat: &Stat) -> Option<BlobHash> {
        let (seen, hash) = *self.files.get(path)?;
        if seen != Seen::of(stat) {
            return None;
        }
        self.next.insert(path.clone(), (seen, hash));
        Some(hash)
    }

    /// Takes note of a file that was read, unless its next change might not be seen.
    pub(super) fn note(&mut self, path: &TreePath, stat: &Stat, file: impl AsFd, hash: BlobHash) {
        let seen = Seen::of(stat);
        let settled = seen.inode_changed < self.began && seen.changed < self.began;
        if settled && sys::nobody_writes(file.as_fd()) {
            self.next.insert(path.clone(), (seen, hash));
        }
    }
}
