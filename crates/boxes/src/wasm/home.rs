//! Where boxes of this level keep what they write, and the removal of what a dead program left.
//!
//! ```text
//! <state>/wasm-<pid>-<n>/lock     held locked by the living level
//!                       /<box>.<n>/  upper, work
//! ```

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{FlockOperation, flock};

use crate::sandbox::state::remove_tree;

const PREFIX: &str = "wasm-";

/// Levels that this process opened.
static OPENED: AtomicU64 = AtomicU64::new(0);

/// The directory of a living level. The lock goes with the process.
pub struct Home {
    dir: PathBuf,
    _lock: File,
    boxes: AtomicU64,
}

impl Home {
    /// Removes what dead levels left, then makes this one's directory.
    pub fn make(state: &Path) -> io::Result<Self> {
        fs::create_dir_all(state)?;
        fs::set_permissions(state, fs::Permissions::from_mode(0o700))?;
        reap(state)?;
        let number = OPENED.fetch_add(1, Ordering::Relaxed);
        let dir = state.join(format!("{PREFIX}{}-{number}", std::process::id()));
        fs::create_dir(&dir)?;
        let lock = File::create(dir.join("lock"))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Self { dir, _lock: lock, boxes: AtomicU64::new(0) })
    }

    /// A place for one more box, not made yet.
    pub fn place(&self, id: &str) -> PathBuf {
        self.dir.join(format!("{id}.{}", self.boxes.fetch_add(1, Ordering::Relaxed)))
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = remove_tree(&self.dir);
    }
}

fn reap(state: &Path) -> io::Result<()> {
    for entry in fs::read_dir(state)?.flatten() {
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        // Whoever is just being made has no lock yet and is let be: the next start looks again.
        let Ok(lock) = File::options().append(true).open(entry.path().join("lock")) else {
            continue;
        };
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() {
            let _ = remove_tree(&entry.path());
        }
    }
    Ok(())
}
