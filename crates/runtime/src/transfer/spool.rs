//! A file without a name, for what comes through a pipe and must be read
//! twice. It goes with its last handle, however the program ends.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::atomic::{AtomicU64, Ordering};

static COUNT: AtomicU64 = AtomicU64::new(0);
/// Names that a crash between making and removing one has left behind.
const TRIES: u32 = 1_000;

/// Makes one in the system's directory for temporary files (`TMPDIR`).
///
/// # Errors
/// If no file can be made there.
pub fn spool() -> io::Result<File> {
    let directory = std::env::temp_dir();
    for _ in 0..TRIES {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = directory.join(format!("greenroom-import-{}-{count}", std::process::id()));
        let mut options = OpenOptions::new();
        // Histories are their owner's business alone.
        match options.read(true).write(true).create_new(true).mode(0o600).open(&path) {
            Ok(file) => {
                std::fs::remove_file(&path)?;
                return Ok(file);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(io::ErrorKind::AlreadyExists, "no name is free for a temporary file"))
}
