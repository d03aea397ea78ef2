//! Who is at work on a box: a locked file for each name, so that nobody waits for another box.
//!
//! A file may be removed by whoever has it locked, so that names which come and go leave
//! nothing. Who has waited for it looks whether it still is the one of its path, and else
//! begins anew: at any time the lock is that of the file which is there.

use super::open::Engine;
use crate::error::Error;
use crate::store::{is_at, lock, try_lock};
use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

#[cfg(test)]
mod tests;

/// The locks of some boxes. They go with it.
#[derive(Debug)]
pub(super) struct Held {
    locks: Vec<(PathBuf, OwnedFd)>,
}

impl Engine {
    /// Keeps everybody else from starting, ending and changing these boxes.
    pub(super) fn hold(&self, names: &[&str]) -> Result<Held, Error> {
        self.must_be_here()?;
        // In one order, so that nobody waits for each other; one file once, or it would wait
        // for itself.
        let paths: BTreeSet<PathBuf> = names.iter().map(|name| self.lock_file(name)).collect();
        let mut locks = Vec::new();
        for path in paths {
            let file = loop {
                let file = lock(&path, true)?;
                if is_at(&file, &path)? {
                    break file;
                }
            };
            locks.push((path, file));
        }
        Ok(Held { locks })
    }

    /// The same, or `None` if somebody has it.
    pub(super) fn try_hold(&self, name: &str) -> Result<Option<Held>, Error> {
        self.must_be_here()?;
        try_hold(self.lock_file(name))
    }

    /// Removes the files of names that are no box's, but those that somebody has locked.
    pub(super) fn sweep_locks(&self) -> Result<(), Error> {
        let dir = self.lock_dir();
        let rows = self.records.list()?;
        let known: BTreeSet<PathBuf> = rows.iter().map(|row| self.lock_file(&row.name)).collect();
        let entries = std::fs::read_dir(&dir).map_err(|error| Error::io("read", &dir, error))?;
        for path in entries.flatten().map(|entry| entry.path()).filter(|at| !known.contains(at)) {
            if let Some(held) = try_hold(path)? {
                held.remove_files();
            }
        }
        Ok(())
    }

    fn lock_dir(&self) -> PathBuf {
        self.dir.join("locks")
    }

    /// Not by the name itself: it may be one that no box could have.
    fn lock_file(&self, name: &str) -> PathBuf {
        self.lock_dir().join(blake3::hash(name.as_bytes()).to_hex().as_str())
    }
}

impl Held {
    /// Gives the locks up with their files, for boxes that are no more. What cannot be removed
    /// is removed by garbage collection.
    pub(super) fn remove_files(self) {
        for (path, _locked) in &self.locks {
            let _ = std::fs::remove_file(path);
        }
    }
}

fn try_hold(path: PathBuf) -> Result<Option<Held>, Error> {
    loop {
        let Some(file) = try_lock(&path)? else { return Ok(None) };
        if is_at(&file, &path)? {
            return Ok(Some(Held { locks: vec![(path, file)] }));
        }
    }
}
