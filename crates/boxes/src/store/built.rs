//! What was built of what: files in `built`, each named by a hash of all that went in, that
//! name the layers that came out. Garbage collection keeps those until they are forgotten.

use super::root::Store;
use super::writing::Writing;
use crate::error::Error;
use crate::hash::LayerId;
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_NOW};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::SystemTime;

#[cfg(test)]
mod tests;

/// What came of a step.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Built {
    /// Its layers, the lowest first.
    pub layers: Vec<LayerId>,
    /// Variables of the environment that it brings.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
}

impl Store {
    fn built_path(&self, key: &str) -> PathBuf {
        self.dir().join("built").join(key)
    }

    /// What was built of a key, unless it is forgotten or its layers are not there. It counts
    /// as used now.
    pub(crate) fn built(&self, key: &str) -> Option<Built> {
        let path = self.built_path(key);
        // One that a failure of power has cut short reads as none.
        let built: Built = serde_json::from_slice(&std::fs::read(&path).ok()?).ok()?;
        let whole = built.layers.iter().all(|id| self.layer_path(*id).exists());
        if whole {
            let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
            let times = Timestamps { last_access: now, last_modification: now };
            let _ = rustix::fs::utimensat(CWD, &path, &times, AtFlags::empty());
        }
        whole.then_some(built)
    }

    /// Forgets what was not used since then, but for these keys. How many went; their layers
    /// go with the next sweep, if nobody else needs them.
    pub(crate) fn forget_built(
        &self,
        before: SystemTime,
        but: &BTreeSet<String>,
    ) -> Result<u64, Error> {
        let mut count = 0;
        for (key, path) in self.all_built()? {
            let used = path.metadata().and_then(|metadata| metadata.modified());
            if but.contains(&key) || used.is_ok_and(|used| used >= before) {
                continue;
            }
            match std::fs::remove_file(&path) {
                Ok(()) => count += 1,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(Error::io("remove", path, error)),
            }
        }
        Ok(count)
    }

    /// The layers that are kept because something was built of them.
    pub(super) fn built_layers(&self) -> Result<BTreeSet<LayerId>, Error> {
        let mut layers = BTreeSet::new();
        for (_, path) in self.all_built()? {
            let built = std::fs::read(&path).ok();
            let built: Option<Built> = built.and_then(|bytes| serde_json::from_slice(&bytes).ok());
            let named = built.into_iter().flat_map(|built| built.layers);
            layers.extend(named.filter(|id| self.layer_path(*id).exists()));
        }
        Ok(layers)
    }

    fn all_built(&self) -> Result<Vec<(String, PathBuf)>, Error> {
        let dir = self.dir().join("built");
        let io = |error| Error::io("read", &dir, error);
        let entries = std::fs::read_dir(&dir).map_err(io)?;
        let entry = |entry: std::io::Result<std::fs::DirEntry>| {
            let entry = entry.map_err(io)?;
            Ok((entry.file_name().to_string_lossy().into_owned(), entry.path()))
        };
        entries.map(entry).collect()
    }
}

impl Writing<'_> {
    /// Notes what was built of a key, after its layers are on disk.
    pub(crate) fn note_built(&self, key: &str, built: &Built) -> Result<(), Error> {
        let (beside, path) = (self.temporary_path(), self.store().built_path(key));
        let bytes = serde_json::to_vec(built).map_err(|error| Error::io("write", &path, error))?;
        std::fs::write(&beside, bytes)
            .and_then(|()| std::fs::rename(&beside, &path))
            .map_err(|error| Error::io("write", &path, error))
    }
}
