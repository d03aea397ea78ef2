//! Opening a store by its name.

use greenroom_journal::{Journal, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Opens it for a node. `holder` is what another node is told that finds it
/// in use.
pub fn open(store: &str, dir: &Path, holder: &str) -> anyhow::Result<Arc<dyn Journal>> {
    let holder = holder.to_owned();
    let options = OpenOptions { read_only: false, holder, blob_dir: blob_dir(store, dir) };
    Ok(greenroom_journal::open(store, &options)?)
}

/// A SQLite file has its blobs beside it, wherever that is.
fn blob_dir(store: &str, dir: &Path) -> Option<PathBuf> {
    (!store.starts_with("sqlite:")).then(|| dir.join("blobs"))
}

/// Opens it to look at. `None`: there is nothing to look at.
pub fn open_to_read(store: &str, dir: &Path) -> anyhow::Result<Option<Arc<dyn Journal>>> {
    let gone = match store.split_once(':') {
        Some(("memory", _)) => true,
        Some(("sqlite", path)) => !Path::new(path).exists(),
        _ => false,
    };
    if gone {
        return Ok(None);
    }
    let blob_dir = blob_dir(store, dir);
    let options = OpenOptions { read_only: true, blob_dir, ..OpenOptions::default() };
    Ok(Some(greenroom_journal::open(store, &options)?))
}
