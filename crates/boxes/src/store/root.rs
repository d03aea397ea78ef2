//! Opening a store and reading from it.

use super::durable;
use crate::error::Error;
use crate::hash::{BlobHash, LayerId};
use crate::steps::Steps;
use crate::tree::{Manifest, Stack};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

#[cfg(test)]
mod tests;

/// How many manifests stay in memory. One of 50,000 files takes about 15 MB.
const MANIFESTS_KEPT: usize = 64;

/// How much of a file is in memory while it is copied.
const CHUNK_BYTES: usize = 1 << 16;

/// Blobs and layers in a folder. Any number of processes may use it at once.
#[derive(Debug)]
pub struct Store {
    dir: PathBuf,
    pub(super) steps: Steps,
    manifests: Mutex<BTreeMap<LayerId, Arc<Manifest>>>,
}

impl Store {
    /// Opens a folder, which is made if need be. All of it is in one file system. What is in it
    /// is this user's alone: files keep their modes there, whoever brought them.
    ///
    /// # Errors
    /// A folder that cannot be made.
    pub fn open(dir: &Path) -> Result<Store, Error> {
        Store::open_told(dir, Steps::default())
    }

    /// The same, with somebody who is told of each step of a write.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_told(dir: &Path, steps: Steps) -> Result<Store, Error> {
        for part in ["blobs", "layers", "lower", "built", "tmp"] {
            durable::private_dir(&dir.join(part))?;
        }
        Ok(Store { dir: dir.to_owned(), steps, manifests: Mutex::default() })
    }

    /// The folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Keeps garbage collection away until the result is dropped. Waits while it goes on.
    pub(super) fn hold(&self) -> Result<OwnedFd, Error> {
        durable::lock(&self.dir.join("lock"), false)
    }

    pub(super) fn blob_path(&self, hash: BlobHash) -> PathBuf {
        let name = hash.to_string();
        self.dir.join("blobs").join(name.get(..2).unwrap_or("")).join(name)
    }

    pub(super) fn layer_path(&self, id: LayerId) -> PathBuf {
        self.dir.join("layers").join(id.to_string())
    }

    /// Where a layer is written out for overlayfs.
    pub(crate) fn lower_path(&self, id: LayerId) -> PathBuf {
        self.dir.join("lower").join(id.to_string())
    }

    /// A blob's bytes.
    ///
    /// # Errors
    /// One that is not there, or whose bytes are not those it is named after.
    pub fn blob(&self, hash: BlobHash) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        self.copy_blob(hash, &mut bytes)?;
        Ok(bytes)
    }

    /// Copies a blob, and returns how many bytes there were.
    ///
    /// # Errors
    /// As [`Store::blob`]; what was written by then is not the blob.
    pub fn copy_blob(&self, hash: BlobHash, to: &mut dyn Write) -> Result<u64, Error> {
        let path = self.blob_path(hash);
        let mut file = open(&path, || format!("blob {hash} in the store"))?;
        let mut hasher = blake3::Hasher::new();
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut total = 0;
        loop {
            let count = file.read(&mut chunk).map_err(|error| Error::io("read", &path, error))?;
            let bytes = chunk.get(..count).unwrap_or(&[]);
            if bytes.is_empty() {
                break;
            }
            hasher.update(bytes);
            to.write_all(bytes).map_err(|error| Error::io("copy", &path, error))?;
            total += count as u64;
        }
        if BlobHash::from_blake3(hasher.finalize()) != hash {
            return Err(Error::Damaged(format!("blob {hash} has other bytes than it had")));
        }
        Ok(total)
    }

    /// A layer's manifest.
    ///
    /// # Errors
    /// One that is not there, or is not what it is named after.
    pub fn layer(&self, id: LayerId) -> Result<Arc<Manifest>, Error> {
        let kept = self.manifests.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        if let Some(manifest) = kept {
            return Ok(manifest);
        }
        let path = self.layer_path(id);
        let mut bytes = Vec::new();
        let mut file = open(&path, || format!("layer {id} in the store"))?;
        file.read_to_end(&mut bytes).map_err(|error| Error::io("read", &path, error))?;
        if LayerId::of(&bytes) != id {
            return Err(Error::Damaged(format!("layer {id} has other bytes than it had")));
        }
        let manifest = Arc::new(Manifest::decode(&bytes)?);
        self.keep(id, manifest.clone());
        Ok(manifest)
    }

    /// A stack of layers, the lowest first.
    ///
    /// # Errors
    /// As [`Store::layer`].
    pub fn stack(&self, ids: &[LayerId]) -> Result<Stack, Error> {
        let layers = ids.iter().map(|id| Ok((*id, self.layer(*id)?)));
        Ok(Stack::new(layers.collect::<Result<_, Error>>()?))
    }

    pub(super) fn keep(&self, id: LayerId, manifest: Arc<Manifest>) {
        let mut kept = self.manifests.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MANIFESTS_KEPT {
            // Any will do: they are only read again.
            kept.pop_first();
        }
        kept.insert(id, manifest);
    }

    pub(super) fn forget(&self) {
        self.manifests.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

fn open(path: &Path, what: impl Fn() -> String) -> Result<File, Error> {
    File::open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::Missing(what()),
        _ => Error::io("read", path, error),
    })
}
