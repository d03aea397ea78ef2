//! Garbage: what no root needs goes.

use super::durable;
use super::root::Store;
use crate::error::Error;
use crate::hash::{BlobHash, LayerId};
use crate::sandbox::remove_tree;
use std::collections::BTreeSet;
use std::path::Path;

#[cfg(test)]
mod tests;

/// What went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Swept {
    /// Layers.
    pub layers: u64,
    /// Blobs.
    pub blobs: u64,
    /// Layers that were written out.
    pub lowers: u64,
    /// Bytes of blobs.
    pub bytes: u64,
}

impl Store {
    /// Removes what none of the roots needs, nor what is noted as built, and what crashes left. The roots are asked for
    /// when nobody writes any more; they must name the layers of boxes that run, too.
    ///
    /// # Errors
    /// [`Error::Busy`] while somebody writes. A root that cannot be read: then nothing goes.
    pub fn sweep(
        &self,
        roots: impl FnOnce() -> Result<BTreeSet<LayerId>, Error>,
    ) -> Result<Swept, Error> {
        let lock = durable::try_lock(&self.dir().join("lock"))?;
        let Some(_lock) = lock else {
            return Err(Error::Busy("something is being written; sweep later".to_owned()));
        };
        let mut layers = roots()?;
        layers.extend(self.built_layers()?);
        let mut blobs: BTreeSet<BlobHash> = BTreeSet::new();
        for id in &layers {
            blobs.extend(self.layer(*id)?.blobs().map(|(hash, _)| hash));
        }
        self.forget();
        let mut swept = Swept::default();
        remove_all(&self.dir().join("tmp"))?;
        swept.lowers = self.each("lower", |path, name| {
            let unneeded = name.parse().is_ok_and(|id| !layers.contains(&id));
            if unneeded { remove(path).map(|()| true) } else { Ok(false) }
        })?;
        // Layers first, for good: one without its blobs would be taken for whole.
        swept.layers = self.each("layers", |path, name| {
            let unneeded = name.parse().is_ok_and(|id| !layers.contains(&id));
            if unneeded { remove(path).map(|()| true) } else { Ok(false) }
        })?;
        durable::sync_dir(&self.dir().join("layers"))?;
        self.steps.at("sweep blobs");
        let mut folders = Vec::new();
        self.each("blobs", |path, _| {
            folders.push(path.to_owned());
            Ok(false)
        })?;
        for folder in folders {
            swept.blobs += each(&folder, |path, name| {
                if !name.parse().is_ok_and(|hash| !blobs.contains(&hash)) {
                    return Ok(false);
                }
                let size = path.metadata().map(|metadata| metadata.len()).unwrap_or(0);
                remove(path)?;
                swept.bytes += size;
                Ok(true)
            })?;
        }
        Ok(swept)
    }

    fn each(
        &self,
        part: &str,
        each_one: impl FnMut(&Path, &str) -> Result<bool, Error>,
    ) -> Result<u64, Error> {
        each(&self.dir().join(part), each_one)
    }
}

/// Calls for each name in a folder, and counts how often the answer is yes.
fn each(
    dir: &Path,
    mut each_one: impl FnMut(&Path, &str) -> Result<bool, Error>,
) -> Result<u64, Error> {
    let io = |error| Error::io("read", dir, error);
    let mut count = 0;
    for entry in std::fs::read_dir(dir).map_err(io)? {
        let entry = entry.map_err(io)?;
        let name = entry.file_name();
        count += u64::from(each_one(&entry.path(), &name.to_string_lossy())?);
    }
    Ok(count)
}

fn remove_all(dir: &Path) -> Result<(), Error> {
    each(dir, |path, _| remove(path).map(|()| true)).map(|_| ())
}

/// A file, or a folder with all in it: also what a box has written, however deep and with
/// whatever modes.
fn remove(path: &Path) -> Result<(), Error> {
    let io = |error| Error::io("remove", path, error);
    if std::fs::symlink_metadata(path).map_err(io)?.is_dir() {
        return remove_tree(path).map_err(io);
    }
    std::fs::remove_file(path).map_err(io)
}
