//! Writing to a store.

use super::durable;
use super::root::Store;
use crate::error::Error;
use crate::hash::{BlobHash, LayerId};
use crate::tree::{Manifest, Stack};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

#[cfg(test)]
mod tests;

/// From how many new files on the whole file system is synced at once instead of each.
const SYNC_ALL_FROM: usize = 16;

/// How much of a file is in memory while it is copied.
const CHUNK_BYTES: usize = 1 << 16;

/// Names in `tmp`, beside the process's id.
static TEMPORARY: AtomicU64 = AtomicU64::new(0);

/// A stretch of writing. No garbage is collected while it lasts, so hold it until what was
/// written is named by a head, or it may go.
#[derive(Debug)]
pub struct Writing<'s> {
    store: &'s Store,
    /// Blobs that are not on disk yet: where they are, by name.
    pending: BTreeMap<BlobHash, PathBuf>,
    /// Folders of names that may not be on disk yet: ours, and those that somebody else
    /// may have given just now.
    unsynced: BTreeSet<PathBuf>,
    _lock: OwnedFd,
}

impl Store {
    /// Begins to write. Waits while garbage is collected.
    ///
    /// # Errors
    /// A lock that cannot be had.
    pub fn write(&self) -> Result<Writing<'_>, Error> {
        Ok(Writing {
            store: self,
            pending: BTreeMap::new(),
            unsynced: BTreeSet::new(),
            _lock: self.hold()?,
        })
    }
}

impl<'s> Writing<'s> {
    /// The store.
    #[must_use]
    pub fn store(&self) -> &'s Store {
        self.store
    }

    /// Takes in the bytes of a reader, at most so many, and returns their name and count.
    /// They can be read, and are safe from a crash, after [`Writing::settle`].
    ///
    /// # Errors
    /// More bytes than that; a disk that is full.
    pub fn blob(&mut self, from: &mut dyn Read, bytes_max: u64) -> Result<(BlobHash, u64), Error> {
        let (path, mut file) = self.temporary()?;
        let copied = copy(from, &mut file, &path, bytes_max);
        let (hash, size) = copied.inspect_err(|_| discard(&path))?;
        let name = self.store.blob_path(hash);
        let unneeded = match self.pending.entry(hash) {
            Entry::Occupied(_) => true,
            Entry::Vacant(_) if name.exists() => {
                self.unsynced.extend(folders(&name));
                true
            }
            Entry::Vacant(vacant) => {
                vacant.insert(path.clone());
                false
            }
        };
        if unneeded {
            discard(&path);
        }
        Ok((hash, size))
    }

    /// Puts all blobs on disk under their names.
    ///
    /// # Errors
    /// A disk that fails.
    pub fn settle(&mut self) -> Result<(), Error> {
        self.name_all(None)?;
        self.sync_names()
    }

    /// Gives all blobs their names, which are not on disk yet. What they hold is then, and what
    /// this other file holds.
    fn name_all(&mut self, other: Option<&PathBuf>) -> Result<(), Error> {
        let files: Vec<&PathBuf> = self.pending.values().chain(other).collect();
        if files.is_empty() {
            return Ok(());
        }
        let steps = &self.store.steps;
        steps.at("sync blobs");
        self.sync(&files)?;
        while let Some((hash, from)) = self.pending.first_key_value() {
            let name = self.store.blob_path(*hash);
            steps.at("name a blob");
            rename(from, &name)?;
            self.unsynced.extend(folders(&name));
            self.pending.pop_first();
        }
        Ok(())
    }

    fn sync_names(&mut self) -> Result<(), Error> {
        self.store.steps.at("sync names");
        if self.unsynced.len() >= SYNC_ALL_FROM {
            self.sync_all()?;
        } else {
            self.unsynced.iter().try_for_each(|folder| durable::sync_dir(folder))?;
        }
        self.unsynced.clear();
        Ok(())
    }

    /// Takes in a layer, on disk when this returns, with all blobs before it. Its name may be
    /// there sooner than theirs, but nobody has heard it before this returns.
    ///
    /// # Errors
    /// A disk that fails.
    pub fn layer(&mut self, manifest: Manifest) -> Result<LayerId, Error> {
        let bytes = manifest.encode();
        let id = LayerId::of(&bytes);
        let path = self.store.layer_path(id);
        if path.exists() {
            self.name_all(None)?;
        } else {
            let (beside, mut file) = self.temporary()?;
            file.write_all(&bytes).map_err(|error| Error::io("write", &beside, error))?;
            // In one go with the blobs: each time costs a turn of the disk.
            self.name_all(Some(&beside))?;
            self.store.steps.at("name the manifest");
            std::fs::rename(&beside, &path).map_err(|error| Error::io("name", &path, error))?;
        }
        // Also if somebody else has given the name just now.
        self.unsynced.insert(self.store.dir().join("layers"));
        self.sync_names()?;
        self.store.keep(id, Arc::new(manifest));
        Ok(id)
    }

    /// A stack with one more layer.
    ///
    /// # Errors
    /// As [`Writing::layer`].
    pub fn layer_on(&mut self, stack: &Stack, manifest: Manifest) -> Result<Stack, Error> {
        let id = self.layer(manifest)?;
        let mut stack = stack.clone();
        stack.push(id, self.store.layer(id)?);
        Ok(stack)
    }

    /// A new file in `tmp`. Its name may be that of one that a crash left, of a process
    /// with the same number: that one is not taken.
    fn temporary(&self) -> Result<(PathBuf, File), Error> {
        self.store.steps.at("write a blob");
        loop {
            let path = self.temporary_path();
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => return Ok((path, file)),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Error::io("make", &path, error)),
            }
        }
    }

    /// A path in `tmp` that this process uses once.
    pub(crate) fn temporary_path(&self) -> PathBuf {
        let number = TEMPORARY.fetch_add(1, Ordering::Relaxed);
        self.store.dir().join("tmp").join(format!("{}-{number}", std::process::id()))
    }

    fn sync(&self, files: &[&PathBuf]) -> Result<(), Error> {
        if files.len() >= SYNC_ALL_FROM {
            return self.sync_all();
        }
        for path in files {
            let synced = File::open(path).and_then(|file| file.sync_data());
            synced.map_err(|error| Error::io("sync", path, error))?;
        }
        Ok(())
    }

    /// One call for many files: the disk orders them as it likes.
    fn sync_all(&self) -> Result<(), Error> {
        let dir = self.store.dir();
        let opened = File::open(dir).map_err(|error| Error::io("open", dir, error))?;
        rustix::fs::syncfs(opened).map_err(|error| Error::io("sync", dir, error))
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        for path in self.pending.values() {
            discard(path);
        }
    }
}

/// What stays after all is garbage, which is collected.
fn discard(path: &Path) {
    let _ = std::fs::remove_file(path);
}

/// In which a blob has its name, and in which that folder may be new.
fn folders(name: &Path) -> impl Iterator<Item = PathBuf> {
    name.ancestors().skip(1).take(2).map(Path::to_owned)
}

/// The folder of a blob's name is made when it is first needed.
fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    let io = |error| Error::io("name", to, error);
    match std::fs::rename(from, to) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            std::fs::create_dir_all(to.parent().unwrap_or(to)).map_err(io)?;
            std::fs::rename(from, to).map_err(io)
        }
        done => done.map_err(io),
    }
}

fn copy(
    from: &mut dyn Read,
    to: &mut File,
    path: &Path,
    bytes_max: u64,
) -> Result<(BlobHash, u64), Error> {
    let io = |error| Error::io("write", path, error);
    let mut hasher = blake3::Hasher::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut total = 0;
    loop {
        let count = match from.read(&mut chunk) {
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(io(error)),
        };
        let bytes = chunk.get(..count).unwrap_or(&[]);
        if bytes.is_empty() {
            return Ok((BlobHash::from_blake3(hasher.finalize()), total));
        }
        total += count as u64;
        if total > bytes_max {
            let why = format!("more than the {bytes_max} bytes that one file may have");
            return Err(Error::refused("a file", why));
        }
        hasher.update(bytes);
        to.write_all(bytes).map_err(io)?;
    }
}
