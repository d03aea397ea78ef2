//! A file that takes up room for nothing: on a full disk it goes, so that what removes boxes
//! can write down that it does.

use rustix::fs::{FallocateFlags, Mode, OFlags};
use std::path::{Path, PathBuf};

/// Some hundred pages of rows, and what a spawner writes.
const BYTES: u64 = 2 << 20;

/// It is made where the disk has so many times as much left.
const PLENTY: u64 = 8;

/// The file. That it cannot be had, or is gone, is no error: it is only of help.
#[derive(Debug)]
pub struct Reserve {
    dir: PathBuf,
}

impl Reserve {
    pub fn of(dir: &Path) -> Reserve {
        Reserve { dir: dir.to_owned() }
    }

    fn path(&self) -> PathBuf {
        self.dir.join("reserve")
    }

    fn room(&self) -> Option<u64> {
        let disk = rustix::fs::statvfs(&self.dir).ok()?;
        Some(disk.f_bavail.saturating_mul(disk.f_frsize))
    }

    /// Makes the file where the disk has plenty of room.
    pub fn keep(&self) {
        if self.path().exists() || self.room().is_none_or(|room| room < BYTES * PLENTY) {
            return;
        }
        let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::CLOEXEC;
        let file = rustix::fs::open(self.path(), flags, Mode::RUSR | Mode::WUSR);
        let allocated =
            file.and_then(|file| rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, BYTES));
        if allocated.is_err() {
            let _ = std::fs::remove_file(self.path());
        }
    }

    /// Removes the file if the disk has no room. Whether it did.
    pub fn give_up(&self) -> bool {
        self.room().is_some_and(|room| room < BYTES) && std::fs::remove_file(self.path()).is_ok()
    }
}
