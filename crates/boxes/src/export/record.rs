//! What an export is about to do, written down where only this user writes: never in the
//! folder that it goes to, whose files anybody may have brought.
//!
//! ```text
//! ID           a record: which folder, and how far the export has come
//! ID.partial   one that is being written; garbage when nobody exports
//! lock         held shared while a folder is open
//! ```
//! The folder itself has the staged files, in `.greenroom-export-ID`. The id is random, so
//! that nobody can bring a folder of that name beforehand.

use super::plan::Plan;
use crate::error::Error;
use crate::random::random;
use crate::store::{lock, private_dir, sync_dir, try_lock};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// Raised when records change their meaning.
const FORMAT: u32 = 1;

/// How names of folders with staged files begin.
pub const STAGED: &str = ".greenroom-export";

const LOCK: &str = "lock";
const PARTIAL: &str = "partial";

/// How far an export has come. The plan is written from where it is, and read as one's own.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage<P = Plan> {
    /// Files are being staged. Nothing was changed.
    Staging,
    /// All is staged: from here on it is finished, whatever happens.
    Planned {
        /// Whether what was planted was allowed.
        planted: bool,
        plan: P,
    },
    /// All is done, and what is staged only garbage.
    Done,
}

/// An export to a folder.
#[derive(Debug, Serialize, Deserialize)]
pub struct Record<P = Plan> {
    format: u32,
    /// Where the folder was, for records of which nothing is left there.
    pub dir: String,
    /// Its number in its file system: a copy of it with all its files is not it.
    pub inode: u64,
    pub stage: Stage<P>,
}

/// The folder of records.
#[derive(Debug)]
pub struct Records {
    dir: PathBuf,
    _lock: OwnedFd,
}

impl Records {
    /// Opens the folder, which is made if need be.
    pub fn open(dir: &Path) -> Result<Records, Error> {
        private_dir(dir)?;
        let file = dir.join(LOCK);
        if let Some(_alone) = try_lock(&file)? {
            remove_partial(dir)?;
        }
        Ok(Records { dir: dir.to_owned(), _lock: lock(&file, false)? })
    }

    /// A name for an export that no other has or will have.
    pub fn new_id() -> Result<String, Error> {
        let bytes = random::<16>("an export")?;
        Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Writes how far an export has come. On disk when this returns.
    pub fn write(&self, id: &str, record: &Record<&Plan>) -> Result<(), Error> {
        let (beside, path) = (self.path(id).with_extension(PARTIAL), self.path(id));
        let io = |error: std::io::Error| Error::io("write", &path, error);
        let bytes = serde_json::to_vec(record).map_err(|error| io(error.into()))?;
        let mut file = File::create(&beside).map_err(io)?;
        file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(io)?;
        std::fs::rename(&beside, &path).map_err(io)?;
        sync_dir(&self.dir)
    }

    /// Forgets an export.
    pub fn remove(&self, id: &str) -> Result<(), Error> {
        let path = self.path(id);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(Error::io("remove", &path, error))
            }
            _ => sync_dir(&self.dir),
        }
    }

    /// The ids of all exports that a crash has left, in no order.
    pub fn ids(&self) -> Result<Vec<String>, Error> {
        let names = names(&self.dir)?;
        Ok(names.into_iter().filter(|name| name != LOCK && !name.contains('.')).collect())
    }

    /// The record of an id, or `None` if it was removed just now.
    pub fn read(&self, id: &str) -> Result<Option<Record>, Error> {
        let path = self.path(id);
        let damaged = |why: String| Error::Damaged(format!("{}: {why}", path.display()));
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("read", &path, error)),
        };
        let record: Record =
            serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        if record.format != FORMAT {
            return Err(damaged(format!("format {} is not known here", record.format)));
        }
        Ok(Some(record))
    }

    fn path(&self, id: &str) -> PathBuf {
        self.dir.join(id)
    }
}

impl<P> Record<P> {
    pub fn new(dir: String, inode: u64, stage: Stage<P>) -> Record<P> {
        Record { format: FORMAT, dir, inode, stage }
    }
}

/// What crashes left of records. Nobody writes one now.
fn remove_partial(dir: &Path) -> Result<(), Error> {
    let partial = format!(".{PARTIAL}");
    for name in names(dir)?.iter().filter(|name| name.ends_with(&partial)) {
        let path = dir.join(name);
        std::fs::remove_file(&path).map_err(|error| Error::io("remove", &path, error))?;
    }
    Ok(())
}

fn names(dir: &Path) -> Result<Vec<String>, Error> {
    let io = |error| Error::io("read", dir, error);
    let entries = std::fs::read_dir(dir).map_err(io)?;
    let name = |entry: std::io::Result<std::fs::DirEntry>| {
        Ok(entry.map_err(io)?.file_name().to_string_lossy().into_owned())
    };
    entries.map(name).collect()
}
