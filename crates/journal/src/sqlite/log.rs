//! Room in the write-ahead log, ahead of what is written: syncing a commit that
//! makes the file longer takes nearly twice the time of one that does not.
//!
//! SQLite reads a log up to the first frame that is not of its latest writing,
//! and zeros never are.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// How much is added at a time: as much again as there is, within these bounds,
/// so that a small store stays small.
const STRIDE: std::ops::RangeInclusive<u64> = 128 << 10..=2 << 20;
/// A commit that adds this much spends its time on other things than the
/// file's length.
const LARGE: u64 = 64 << 10;
/// A log this long is written back and used again from its start.
const ENOUGH: u64 = 17 << 20;
static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

/// The log of one connection that writes.
pub(super) struct Log {
    path: PathBuf,
    file: Option<File>,
    /// How long it was, or was made.
    length: u64,
    done: bool,
}

impl Log {
    /// The log of the store at `path`.
    pub fn of(path: &Path) -> Log {
        let mut name = path.as_os_str().to_owned();
        name.push("-wal");
        let (path, file) = (name.into(), None);
        Log { path, file, length: 0, done: false }
    }

    /// Makes it longer, if the last commit has come to its end. Only for the
    /// holder of SQLite's lock to write: nobody else may append meanwhile.
    pub fn make_room(&mut self) {
        if self.done {
            return;
        }
        // For speed alone. A disk that has no room says so to the commit too.
        self.done = self.lengthen().unwrap_or(true);
        if self.done {
            self.file = None;
        }
    }

    /// As it is when the first transaction begins: an empty one is SQLite's to
    /// begin, and one left by a node that was killed has room, maybe.
    fn open(&mut self) -> io::Result<File> {
        let mut file = OpenOptions::new().write(true).open(&self.path)?;
        self.length = file.seek(SeekFrom::End(0))?;
        Ok(file)
    }

    /// Whether it is as long as it gets.
    fn lengthen(&mut self) -> io::Result<bool> {
        let mut file = match self.file.take() {
            Some(file) => file,
            None => self.open()?,
        };
        let mut end = file.seek(SeekFrom::End(0))?;
        if end > self.length {
            let large = end - self.length >= LARGE;
            let stride = if large { 0 } else { end.clamp(*STRIDE.start(), *STRIDE.end()) };
            let goal = (end + stride).min(ENOUGH);
            while end < goal {
                let part = ZEROS.len().min((goal - end) as usize);
                file.write_all_at(&ZEROS[..part], end)?;
                end += part as u64;
            }
            self.length = end;
        }
        self.file = Some(file);
        Ok(end >= ENOUGH)
    }
}
