//! What a command prints: its beginning in memory, all of it on disk when that is more.

use crate::TreePath;
use crate::error::Error;
use crate::hash::LayerId;
use crate::sandbox::Stream;
use crate::store::Store;
use crate::tree::{Entry, Manifest};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Seek, Write};
use std::path::Path;

/// More than this of one command is read and dropped.
pub const KEPT_BYTES: u64 = 256 << 20;

/// One of the two streams.
struct Half {
    begin: Vec<u8>,
    /// All of it, once that is more than the beginning.
    whole: Option<File>,
}

/// Both.
pub struct Spool {
    begin_max: usize,
    out: Half,
    err: Half,
    /// Why no more is written to disk.
    failed: Option<std::io::Error>,
}

impl Spool {
    pub fn new(begin_max: u64) -> Spool {
        let half = || Half { begin: Vec::new(), whole: None };
        let begin_max = usize::try_from(begin_max).unwrap_or(usize::MAX);
        Spool { begin_max, out: half(), err: half(), failed: None }
    }

    pub fn push(&mut self, stream: Stream, bytes: &[u8], dir: &Path) {
        let begin_max = self.begin_max;
        let half = match stream {
            Stream::Stdout => &mut self.out,
            Stream::Stderr => &mut self.err,
        };
        if let Err(error) = half.push(bytes, begin_max, dir) {
            self.failed.get_or_insert(error);
        }
    }

    /// Whether there will be a layer.
    pub fn is_long(&self) -> bool {
        self.out.whole.is_some() || self.err.whole.is_some()
    }

    /// The beginnings, and the layer with all if there is more.
    pub fn end(self, store: &Store) -> Result<(String, String, Option<LayerId>), Error> {
        if let Some(error) = self.failed {
            return Err(Error::io("keep what was printed below", store.dir(), error));
        }
        let layer = match self.is_long() {
            true => Some(layer(store, &self.out, &self.err)?),
            false => None,
        };
        let text = |half: Half| String::from_utf8_lossy(&half.begin).into_owned();
        Ok((text(self.out), text(self.err), layer))
    }
}

impl Half {
    fn push(&mut self, bytes: &[u8], begin_max: usize, dir: &Path) -> std::io::Result<()> {
        if let Some(whole) = &mut self.whole {
            return whole.write_all(bytes);
        }
        if self.begin.len() + bytes.len() > begin_max {
            // Without a name: a crash leaves nothing of it.
            let mut whole = tempfile(dir)?;
            whole.write_all(&self.begin)?;
            whole.write_all(bytes)?;
            self.whole = Some(whole);
        }
        let room = begin_max - self.begin.len();
        self.begin.extend(bytes.iter().take(room));
        Ok(())
    }
}

fn tempfile(dir: &Path) -> std::io::Result<File> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    Ok(File::from(rustix::fs::open(dir, flags, Mode::RUSR | Mode::WUSR)?))
}

fn layer(store: &Store, out: &Half, err: &Half) -> Result<LayerId, Error> {
    let mut writing = store.write()?;
    let mut entries = BTreeMap::new();
    for (name, half) in [("stdout", out), ("stderr", err)] {
        let (hash, size) = match &half.whole {
            Some(whole) => {
                let mut whole = whole;
                whole.rewind().map_err(|error| Error::io("read", name, error))?;
                writing.blob(&mut whole, KEPT_BYTES)?
            }
            None => writing.blob(&mut half.begin.as_slice(), KEPT_BYTES)?,
        };
        entries.insert(TreePath::new(name)?, Entry::file(hash, size, 0o644));
    }
    writing.layer(Manifest::new(entries)?)
}
