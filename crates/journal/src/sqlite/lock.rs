//! One node to a file: a lock beside it, which the kernel releases however the
//! node ends. The file says who holds it, for people.

use crate::Error;
use rustix::fs::{FlockOperation, flock};
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The lock, held until this is dropped.
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of the store at `path`.
    pub fn take(path: &Path, store: &str, holder: &str) -> Result<Lock, Error> {
        let place = place(path);
        let failed = |error: std::io::Error| Error::Open {
            store: store.to_owned(),
            why: format!("cannot lock {}: {error}", place.display()),
        };
        let mut options = OpenOptions::new();
        let mut file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&place)
            .map_err(failed)?;
        if let Err(error) = flock(&file, FlockOperation::NonBlockingLockExclusive) {
            if error != rustix::io::Errno::WOULDBLOCK {
                return Err(failed(error.into()));
            }
            let mut words = String::new();
            // Only for the message: an empty or odd file changes nothing.
            let _ = file.read_to_string(&mut words);
            return Err(Error::InUse { store: store.to_owned(), holder: name(&words) });
        }
        write(&mut file, holder).map_err(failed)?;
        Ok(Lock { _file: file })
    }
}

fn place(path: &Path) -> PathBuf {
    let mut place = path.as_os_str().to_owned();
    place.push(".lock");
    place.into()
}

fn name(words: &str) -> String {
    let words = words.trim();
    if words.is_empty() { "another node".to_owned() } else { words.to_owned() }
}

fn write(file: &mut File, holder: &str) -> std::io::Result<()> {
    file.rewind()?;
    file.set_len(0)?;
    let space = if holder.is_empty() { "" } else { " " };
    writeln!(file, "{holder}{space}(process {})", std::process::id())
}
