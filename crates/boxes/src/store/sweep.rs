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
    /// Layers that something names and that are not there.
    pub missing: u64,
}

impl std::ops::AddAssign for Swept {
    /// What is missing is missing the second time too.
    fn add_assign(&mut self, other: Swept) {
        self.layers += other.layers;
        self.blobs += other.blobs;
        self.lowers += other.lowers;
        self.bytes += other.bytes;
        self.missing = other.missing;
    }
}

impl Store {
    /// Removes what none of the roots needs, nor what is noted as built, and what crashes left.
    /// The roots are asked for when nobody writes any more; they must name the layers of boxes
    /// that run, too. A root that is not there keeps nothing, and is counted. What cannot be
    /// removed does not keep the rest from going.
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
        let mut swept = Swept::default();
        // What is on disk counts, not what is still known of it.
        self.forget();
        for id in &layers {
            match self.layer(*id) {
                Ok(layer) => blobs.extend(layer.blobs().map(|(hash, _)| hash)),
                Err(Error::Missing(_)) => swept.missing += 1,
                Err(error) => return Err(error),
            }
        }
        let lowers = self.sweep_lowers(&layers, &mut swept);
        // Layers first, for good: one without its blobs would be taken for whole.
        swept.layers = self.each("layers", |path, name| {
            let unneeded = name.parse().is_ok_and(|id| !layers.contains(&id));
            if unneeded { remove(path).map(|()| true) } else { Ok(false) }
        })?;
        durable::sync_dir(&self.dir().join("layers"))?;
        self.steps.at("sweep blobs");
        self.sweep_blobs(&blobs, &mut swept)?;
        // On a full disk a folder may go only when something else has gone.
        lowers.or_else(|_| self.sweep_lowers(&layers, &mut swept))?;
        Ok(swept)
    }

    fn sweep_lowers(&self, needed: &BTreeSet<LayerId>, swept: &mut Swept) -> Result<(), Error> {
        let tmp = self.dir().join("tmp");
        let emptied = remove_all(&tmp);
        let lowers = self.each("lower", |path, name| {
            if !name.parse().is_ok_and(|id| !needed.contains(&id)) {
                return Ok(false);
            }
            // A folder that is half removed must not have the name of one that is whole.
            let beside = tmp.join(name);
            std::fs::rename(path, &beside).map_err(|error| Error::io("rename", path, error))?;
            swept.lowers += 1;
            self.steps.at("remove what was written out");
            remove(&beside).map(|()| true)
        });
        emptied.and(lowers.map(drop))
    }

    fn sweep_blobs(&self, needed: &BTreeSet<BlobHash>, swept: &mut Swept) -> Result<(), Error> {
        let mut folders = Vec::new();
        self.each("blobs", |path, _| {
            folders.push(path.to_owned());
            Ok(false)
        })?;
        let mut failed = None;
        for folder in folders {
            let one = each(&folder, |path, name| {
                if !name.parse().is_ok_and(|hash| !needed.contains(&hash)) {
                    return Ok(false);
                }
                let size = path.metadata().map(|metadata| metadata.len()).unwrap_or(0);
                remove(path)?;
                swept.blobs += 1;
                swept.bytes += size;
                Ok(true)
            });
            failed = failed.or(one.err());
        }
        failed.map_or(Ok(()), Err)
    }

    fn each(
        &self,
        part: &str,
        each_one: impl FnMut(&Path, &str) -> Result<bool, Error>,
    ) -> Result<u64, Error> {
        each(&self.dir().join(part), each_one)
    }
}

/// Calls for each name in a folder, and counts how often the answer is yes. One that fails
/// does not keep the others from being called for; the first failure comes back.
fn each(
    dir: &Path,
    mut each_one: impl FnMut(&Path, &str) -> Result<bool, Error>,
) -> Result<u64, Error> {
    let io = |error| Error::io("read", dir, error);
    let (mut count, mut failed) = (0, None);
    for entry in std::fs::read_dir(dir).map_err(io)? {
        let entry = entry.map_err(io)?;
        let name = entry.file_name();
        match each_one(&entry.path(), &name.to_string_lossy()) {
            Ok(yes) => count += u64::from(yes),
            Err(error) => drop(failed.get_or_insert(error)),
        }
    }
    failed.map_or(Ok(count), Err)
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
