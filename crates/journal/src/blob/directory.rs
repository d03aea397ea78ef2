//! Blobs as files: `ab/cdef…` by their hash, in one directory. A file is
//! written under another name, synced, renamed and its directory synced, so a
//! crash leaves either nothing or the whole. Many nodes may share it.

use super::name::name;
use crate::Error;
use greenroom_model::BlobRef;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// A directory of blobs; made when the first is put.
pub(crate) struct Directory {
    path: PathBuf,
    unfinished: AtomicU64,
}

impl Directory {
    /// The blobs in this directory.
    pub fn new(path: impl Into<PathBuf>) -> Directory {
        Directory { path: path.into(), unfinished: AtomicU64::new(0) }
    }

    /// Writes a text; harmless if it is there.
    pub fn put(&self, text: &str) -> Result<BlobRef, Error> {
        let blob = name(text);
        let Some(place) = self.place(&blob) else {
            return Err(self.missing(&blob));
        };
        if self.get(&blob).is_ok() {
            return Ok(blob);
        }
        self.write(&place, text).map_err(|error| Error::Unavailable {
            why: format!("cannot write a blob to {}: {error}", self.path.display()),
        })?;
        Ok(blob)
    }

    /// Reads a text; its hash is checked.
    pub fn get(&self, blob: &BlobRef) -> Result<String, Error> {
        let missing = || self.missing(blob);
        let place = self.place(blob).ok_or_else(missing)?;
        let text = fs::read_to_string(place).map_err(|_| missing())?;
        if name(&text) == *blob { Ok(text) } else { Err(missing()) }
    }

    fn missing(&self, blob: &BlobRef) -> Error {
        Error::Blob { hash: blob.hash.clone(), directory: self.path.clone() }
    }

    /// A hash comes from a journal: only one that is a hash names a file.
    fn place(&self, blob: &BlobRef) -> Option<PathBuf> {
        let hash = &blob.hash;
        let plain = hash.len() == 64 && hash.bytes().all(|digit| digit.is_ascii_hexdigit());
        plain.then(|| self.path.join(&hash[..2]).join(&hash[2..]))
    }

    fn write(&self, place: &Path, text: &str) -> io::Result<()> {
        let folder = place.parent().unwrap_or(&self.path);
        fs::create_dir_all(folder)?;
        let turn = self.unfinished.fetch_add(1, Ordering::Relaxed);
        let unfinished = self.path.join(format!("unfinished-{}-{turn}", std::process::id()));
        let written = write_synced(&unfinished, text).and_then(|()| fs::rename(&unfinished, place));
        if let Err(error) = written {
            // Best effort: what is left of it is never read.
            let _ = fs::remove_file(&unfinished);
            return Err(error);
        }
        File::open(folder)?.sync_all()?;
        File::open(&self.path)?.sync_all()
    }
}

fn write_synced(path: &Path, text: &str) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
