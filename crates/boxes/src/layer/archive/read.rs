//! A tar file becomes entries. Nothing is written where the archive says, so it cannot
//! lead anywhere; what would, elsewhere, is refused.

use super::guard::{Allowed, Guarded};
use super::{OPAQUE, WHITEOUT, XATTR};
use crate::error::Error;
use crate::layer::bounds::{Bounds, Meter};
use crate::path::TreePath;
use crate::store::Writing;
use crate::tree::{Entry, Manifest, Xattr, Xattrs};
use flate2::read::MultiGzDecoder;
use std::collections::BTreeMap;
use std::io::Read;
use tar::EntryType;

#[cfg(test)]
mod tests;

/// The most that headers between two files may have.
const HEADER_BYTES_MAX: u64 = 1 << 20;

/// What a gzip file begins with.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// What names that begin with `.wh.` mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whiteouts {
    /// They are names.
    Names,
    /// Removals, as in a layer of an image.
    Removals,
}

/// Takes in a tar file, gzip or not.
///
/// # Errors
/// Absolute paths, `..`, files in what is no folder (a link, for one), hard links to what
/// is not in it, devices and pipes, a path twice, what is beyond the bounds.
pub fn read_archive(
    from: impl Read,
    bounds: &Bounds,
    writing: &mut Writing<'_>,
) -> Result<Manifest, Error> {
    Manifest::with_folders(entries(from, Whiteouts::Names, bounds, writing)?)
}

/// The entries of a tar file. Folders that nobody named are not among them.
pub fn entries(
    mut from: impl Read,
    whiteouts: Whiteouts,
    bounds: &Bounds,
    writing: &mut Writing<'_>,
) -> Result<BTreeMap<TreePath, Entry>, Error> {
    let mut magic = Vec::new();
    let first = from.by_ref().take(2).read_to_end(&mut magic);
    first.map_err(|error| Error::io("read", "an archive", error))?;
    let zipped = magic == GZIP;
    let whole = std::io::Cursor::new(magic).chain(from);
    if zipped {
        return plain(MultiGzDecoder::new(whole), whiteouts, bounds, writing);
    }
    plain(whole, whiteouts, bounds, writing)
}

fn plain(
    from: impl Read,
    whiteouts: Whiteouts,
    bounds: &Bounds,
    writing: &mut Writing<'_>,
) -> Result<BTreeMap<TreePath, Entry>, Error> {
    let bad =
        |error: std::io::Error| Error::refused("the archive", format!("it is damaged: {error}"));
    let (guarded, allowed) = Guarded::new(from);
    let mut archive = tar::Archive::new(guarded);
    let meter = Meter::new(bounds);
    let mut reading = Reading { whiteouts, meter, writing, entries: BTreeMap::new() };
    allowed.set(HEADER_BYTES_MAX);
    for entry in archive.entries().map_err(bad)? {
        let mut entry = entry.map_err(bad)?;
        reading.entry(&mut entry, &allowed)?;
        allowed.set(HEADER_BYTES_MAX);
    }
    Ok(reading.entries)
}

struct Reading<'w, 's> {
    whiteouts: Whiteouts,
    meter: Meter,
    writing: &'w mut Writing<'s>,
    entries: BTreeMap<TreePath, Entry>,
}

impl Reading<'_, '_> {
    fn entry<R: Read>(
        &mut self,
        entry: &mut tar::Entry<'_, R>,
        allowed: &Allowed,
    ) -> Result<(), Error> {
        let shown = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        self.meter.entry(&shown)?;
        if entry.header().entry_type() == EntryType::XGlobalHeader {
            return Ok(());
        }
        let Some(path) = path(&entry.path_bytes())? else {
            return Ok(());
        };
        if self.whiteouts == Whiteouts::Removals && path.name().starts_with(WHITEOUT) {
            return self.whiteout(&path);
        }
        let mode = entry.header().mode();
        let mode = mode.map_err(|_| Error::refused(&shown, "its mode is no number"))?;
        let found = match entry.header().entry_type() {
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                self.file(entry, allowed, &shown, mode)?
            }
            EntryType::Directory => Entry::Dir {
                mode: mode & 0o7777,
                opaque: self.opaque(&path),
                xattrs: xattrs(entry)?,
            },
            EntryType::Symlink => Entry::Symlink { target: link(entry, &shown)? },
            EntryType::Link => self.hard_link(&link(entry, &shown)?, &shown)?,
            EntryType::Char | EntryType::Block | EntryType::Fifo => {
                let why = "a device or a pipe; make the archive without it";
                return Err(Error::refused(shown, why));
            }
            other => {
                let why =
                    format!("an entry of the kind {:?}, which is not known here", other.as_byte());
                return Err(Error::refused(shown, why));
            }
        };
        self.put(path, found)
    }

    fn put(&mut self, path: TreePath, entry: Entry) -> Result<(), Error> {
        match self.entries.get(&path) {
            // What only said that it is opaque is now said whole.
            Some(Entry::Dir { opaque: true, .. }) if entry.is_dir() => {}
            None => {}
            Some(_) => return Err(Error::refused(path.as_str(), "it is in the archive twice")),
        }
        self.entries.insert(path, entry);
        Ok(())
    }

    fn file<R: Read>(
        &mut self,
        entry: &mut tar::Entry<'_, R>,
        allowed: &Allowed,
        shown: &str,
        mode: u32,
    ) -> Result<Entry, Error> {
        let mode = self.meter.file_mode(shown, mode)?;
        self.meter.announce(shown, entry.size())?;
        let xattrs = xattrs(entry)?;
        let announced = entry.size();
        // Padding to a block comes after the content.
        allowed.set(announced.saturating_add(HEADER_BYTES_MAX));
        let (hash, size) = self.writing.blob(entry, self.meter.room())?;
        if size != announced {
            return Err(Error::refused(shown, "the archive ends within it"));
        }
        self.meter.took(size);
        Ok(Entry::File { hash, size, mode, xattrs })
    }

    /// A second name of a file that came before becomes a file of its own.
    fn hard_link(&self, target: &str, shown: &str) -> Result<Entry, Error> {
        let found = path(target.as_bytes())?.and_then(|target| self.entries.get(&target));
        match found {
            Some(file @ Entry::File { .. }) => Ok(file.clone()),
            _ => {
                let why = format!("a hard link to `{target}`, which is no file that came before");
                Err(Error::refused(shown, why))
            }
        }
    }

    fn whiteout(&mut self, path: &TreePath) -> Result<(), Error> {
        if path.name() == OPAQUE {
            let Some(folder) = path.parent() else {
                return Err(Error::refused(path.as_str(), "the root cannot be opaque"));
            };
            let folder = TreePath::new(folder)?;
            match self.entries.get_mut(&folder) {
                Some(Entry::Dir { opaque, .. }) => *opaque = true,
                Some(_) => return Err(Error::refused(path.as_str(), "it is in what is no folder")),
                None => {
                    let dir = Entry::Dir { mode: 0o755, opaque: true, xattrs: Xattrs::new() };
                    self.entries.insert(folder, dir);
                }
            }
            return Ok(());
        }
        let name = path.name().strip_prefix(WHITEOUT).unwrap_or("");
        let removed = match path.parent() {
            Some(parent) => TreePath::new(parent)?.join(name)?,
            None => TreePath::new(name)?,
        };
        self.put(removed, Entry::Tombstone)
    }

    fn opaque(&self, path: &TreePath) -> bool {
        matches!(self.entries.get(path), Some(Entry::Dir { opaque: true, .. }))
    }
}

/// The path of an entry; `None` for the root itself.
fn path(bytes: &[u8]) -> Result<Option<TreePath>, Error> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Err(Error::refused(String::from_utf8_lossy(bytes), "its name is no UTF-8"));
    };
    if text.starts_with('/') {
        return Err(Error::refused(text, "an absolute path; archives have relative ones"));
    }
    Ok(TreePath::from_loose(text)?)
}

fn link<R: Read>(entry: &tar::Entry<'_, R>, shown: &str) -> Result<String, Error> {
    let target = entry.link_name_bytes().map(|bytes| String::from_utf8(bytes.into_owned()));
    match target {
        Some(Ok(target)) => Ok(target),
        _ => Err(Error::refused(shown, "a link without a target, or with one that is no UTF-8")),
    }
}

fn xattrs<R: Read>(entry: &mut tar::Entry<'_, R>) -> Result<Xattrs, Error> {
    let shown = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
    let bad =
        |_| Error::refused(&shown, "its headers cannot be read (line breaks in attributes cannot)");
    let mut xattrs = Xattrs::new();
    for extension in entry.pax_extensions().map_err(bad)?.into_iter().flatten() {
        let extension = extension.map_err(bad)?;
        let name = extension.key().ok().and_then(|key| key.strip_prefix(XATTR));
        // Others than user.* are about one machine, or give rights.
        if let Some(name) = name.filter(|name| name.starts_with("user.")) {
            xattrs.insert(name.to_owned(), Xattr(extension.value_bytes().to_vec()));
        }
    }
    Ok(xattrs)
}
