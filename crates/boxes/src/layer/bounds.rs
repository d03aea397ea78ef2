//! What may be taken in from outside.

use crate::error::Error;

/// Limits of one folder, archive or image. Whatever goes beyond is refused whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Entries.
    pub entries_max: u64,
    /// Bytes of one file.
    pub file_bytes_max: u64,
    /// Bytes of all files.
    pub total_bytes_max: u64,
    /// Whether files that run as their owner or group are taken in. In a box they gain
    /// nothing; written out elsewhere they may.
    pub setuid: bool,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds {
            entries_max: 1_000_000,
            file_bytes_max: 4 << 30,
            total_bytes_max: 16 << 30,
            setuid: false,
        }
    }
}

impl Bounds {
    /// For what lies under a box's files: a system has programs such as `su`.
    #[must_use]
    pub fn base() -> Bounds {
        Bounds { setuid: true, ..Bounds::default() }
    }
}

/// What was taken in so far.
#[derive(Debug)]
pub struct Meter {
    bounds: Bounds,
    entries: u64,
    bytes: u64,
}

impl Meter {
    pub fn new(bounds: &Bounds) -> Meter {
        Meter { bounds: *bounds, entries: 0, bytes: 0 }
    }

    pub fn entry(&mut self, path: &str) -> Result<(), Error> {
        self.entries += 1;
        if self.entries > self.bounds.entries_max {
            let why = format!("more than {} entries", self.bounds.entries_max);
            return Err(Error::refused(path, why));
        }
        Ok(())
    }

    /// How many bytes the next file may have.
    pub fn room(&self) -> u64 {
        self.bounds.file_bytes_max.min(self.bounds.total_bytes_max.saturating_sub(self.bytes))
    }

    /// Whether a file of this many bytes may be begun.
    pub fn announce(&self, path: &str, size: u64) -> Result<(), Error> {
        if size > self.room() {
            let why = format!("{size} bytes; there is room for {} more", self.room());
            return Err(Error::refused(path, why));
        }
        Ok(())
    }

    pub fn took(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// The permission bits of a file.
    pub fn file_mode(&self, path: &str, mode: u32) -> Result<u32, Error> {
        if mode & 0o6000 != 0 && !self.bounds.setuid {
            let why = "it runs as its owner or group (setuid, setgid); take these bits away";
            return Err(Error::refused(path, why));
        }
        Ok(mode & 0o7777)
    }
}
