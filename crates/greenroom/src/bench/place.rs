//! Where a bench runs: a store of its own, on the same disk as the user's,
//! removed afterwards.

use anyhow::Context;
use greenroom_journal::{Journal, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A store that is the bench's own.
pub(super) struct Place {
    store: String,
    directory: PathBuf,
}

impl Place {
    /// In a fresh folder below `dir`, or the store that was asked for (which is
    /// then left as it is afterwards).
    pub fn new(dir: &Path, store: Option<&str>) -> anyhow::Result<Place> {
        let directory = dir.join(format!("bench-{}", std::process::id()));
        std::fs::create_dir_all(&directory)
            .with_context(|| format!("cannot make {}", directory.display()))?;
        let store = match store {
            Some(store) => store.to_owned(),
            None => format!("sqlite:{}", directory.join("store.db").display()),
        };
        Ok(Place { store, directory })
    }

    /// The store's name, for another process.
    pub fn store(&self) -> &str {
        &self.store
    }

    pub fn directory(&self) -> &Path {
        &self.directory
    }

    pub fn open(&self) -> anyhow::Result<Arc<dyn Journal>> {
        Ok(greenroom_journal::open(&self.store, &OpenOptions::default())?)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // What is left behind is a folder with the bench's name on it.
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
