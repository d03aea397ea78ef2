//! Entries of a box copied into a folder of the machine, one after the other: each file is whole
//! when it has its name, and what was there is replaced as `cp` does. Each name is looked up in a
//! folder that is open already, so that no link, however new, leads elsewhere.

use super::look::{FOLDER, folder};
use super::record::Records;
use crate::error::Error;
use crate::layer::{Bounds, Meter};
use crate::path::TreePath;
use crate::store::Store;
use crate::tree::{Entry, Plant};
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags};
use rustix::io::Errno;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd};

mod target;
#[cfg(test)]
mod tests;

pub use target::{Target, acting};

/// The bits by which a program runs as its owner or group.
const SETUID: u32 = 0o6000;

/// So many notes of a kind are kept.
const NOTES_MAX: usize = 1000;

/// What a note is about. Each has room of its own, as a box can make any number of any of them and
/// would hide one behind the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    /// What is copied and leads elsewhere.
    Link,
    /// What would act by itself.
    Plant,
    /// A name or a right.
    Plain,
}

/// Something about a path that whoever copies it should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    /// The path, from the folder that is copied.
    pub path: String,
    /// What it is.
    pub what: String,
    /// Whether it was left out.
    pub left_out: bool,
    /// What it is about.
    #[serde(skip)]
    pub about: About,
}

/// What a copy has done so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Copied {
    /// Files.
    pub files: u64,
    /// Folders, also those that were there.
    pub folders: u64,
    /// Links.
    pub links: u64,
    /// Bytes of files.
    pub bytes: u64,
    /// How many paths there are in all.
    pub of: u64,
    /// What should be known, by what it is about: the first thousand of each.
    pub notes: Vec<Note>,
    /// How many notes more there would be.
    pub more_notes: u64,
}

impl Copied {
    /// How many paths are copied.
    #[must_use]
    pub fn paths(&self) -> u64 {
        self.files + self.folders + self.links
    }

    /// Adds a note.
    pub(crate) fn note(&mut self, about: About, path: &str, what: impl Into<String>) {
        let first = self.notes.partition_point(|note| note.about < about);
        let end = self.notes.partition_point(|note| note.about <= about);
        if end - first >= NOTES_MAX {
            self.more_notes += 1;
            return;
        }
        let (path, what, left_out) = (path.to_owned(), what.into(), about != About::Link);
        self.notes.insert(end, Note { path, what, left_out, about });
    }

    /// Counts an entry that is done.
    pub(crate) fn count(&mut self, entry: &Entry) {
        match entry {
            Entry::File { .. } => self.files += 1,
            Entry::Dir { .. } => self.folders += 1,
            Entry::Symlink { .. } => self.links += 1,
            Entry::Tombstone => {}
        }
    }
}

/// A copy that somebody watches, who may end it between two pieces.
pub struct Copying<'w> {
    /// What is done.
    pub copied: Copied,
    go_on: &'w mut dyn FnMut(&Copied) -> bool,
}

impl<'w> Copying<'w> {
    /// Asks again and again whether to go on.
    pub fn new(go_on: &'w mut dyn FnMut(&Copied) -> bool) -> Copying<'w> {
        Copying { copied: Copied::default(), go_on }
    }

    /// Ends the copy if nobody wants it any more.
    pub(crate) fn step(&mut self) -> io::Result<()> {
        match (self.go_on)(&self.copied) {
            true => Ok(()),
            // Not `Interrupted`: that would be tried again.
            false => Err(io::Error::other("it was interrupted")),
        }
    }

    /// Copies a blob to a file.
    pub(crate) fn file(&mut self, store: &Store, entry: &Entry, to: File) -> Result<(), Error> {
        match entry {
            Entry::File { hash, .. } => {
                store.copy_blob(*hash, &mut Watched { to, copying: self }).map(drop)
            }
            _ => Ok(()),
        }
    }
}

/// A file that is written to, with somebody who watches.
struct Watched<'c, 'w> {
    to: File,
    copying: &'c mut Copying<'w>,
}

impl Write for Watched<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.copying.step()?;
        let count = self.to.write(bytes)?;
        self.copying.copied.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// What of a box's tree is copied to the machine, into `target`. Left out is what would act there
/// by itself, unless that is `planted`, what could be taken for something else where names are
/// shown, and, always, Greenroom's own folder.
///
/// # Errors
/// More than may be taken in at once.
pub fn sifted(
    entries: BTreeMap<TreePath, Entry>,
    target: &Target,
    planted: bool,
    copied: &mut Copied,
) -> Result<BTreeMap<TreePath, Entry>, Error> {
    let plants = target.plants(&entries)?;
    let mut meter = Meter::new(&Bounds::base());
    let (mut kept, mut left) = (BTreeMap::new(), BTreeSet::new());
    for (path, mut entry) in entries {
        if path.ancestors().any(|folder| left.contains(folder)) {
            continue;
        }
        let found = plants.get(&path).map_or(&[][..], Vec::as_slice);
        let is_own = target.is_own(&path).then_some(&Plant::Store);
        let acts = found.iter().chain(is_own).find(|plant| match plant {
            Plant::Store => true,
            plant => !planted && !is_harmless(**plant),
        });
        let why = match acts {
            _ if path.name().chars().any(char::is_control) => {
                Some((About::Plain, "control characters in its name"))
            }
            Some(plant) => Some((About::Plant, plant.words())),
            None => None,
        };
        if let Some((about, why)) = why {
            copied.note(about, path.as_str(), why);
            left.insert(path.as_str().to_owned());
            continue;
        }
        if found.contains(&Plant::EscapingLink) {
            copied.note(About::Link, path.as_str(), Plant::EscapingLink.words());
        }
        if let Entry::File { mode, .. } | Entry::Dir { mode, .. } = &mut entry
            && *mode & SETUID != 0
        {
            *mode &= !SETUID;
            copied.note(About::Plain, path.as_str(), "the right to run as its owner or group");
        }
        meter.entry(path.as_str())?;
        if let Entry::File { size, .. } = &entry {
            meter.announce(path.as_str(), *size)?;
            meter.took(*size);
        }
        kept.insert(path, entry);
    }
    copied.of = kept.len() as u64;
    Ok(kept)
}

/// A link does nothing by itself, and the right to run as somebody is taken away.
fn is_harmless(plant: Plant) -> bool {
    matches!(plant, Plant::EscapingLink | Plant::Setuid)
}

/// Writes entries into an open folder, with what is there already.
///
/// # Errors
/// A folder where something else is, something else where a folder is; a watcher who ends it.
/// What was copied by then stays.
pub fn write_into(
    store: &Store,
    root: &OwnedFd,
    entries: &BTreeMap<TreePath, Entry>,
    copying: &mut Copying<'_>,
) -> Result<(), Error> {
    let mut made = Vec::new();
    for (path, entry) in entries {
        copying.step().map_err(|error| Error::io("copy", path.as_str(), error))?;
        let Some(folder) = folder(root, path)? else {
            let why = "the folder that it goes into is something else on this machine, or was \
                       taken away meanwhile; nothing is written through links";
            return Err(Error::refused(path.as_str(), why));
        };
        match entry {
            Entry::Dir { mode, .. } => {
                if make_folder(&folder, path)? {
                    made.push((path, *mode));
                }
            }
            Entry::File { .. } | Entry::Symlink { .. } => {
                place(store, &folder, path, entry, copying)?;
            }
            Entry::Tombstone => {}
        }
        copying.copied.count(entry);
    }
    // From the deepest up: a folder that may not be written to is filled by then.
    for (path, mode) in made.into_iter().rev() {
        let io = |error: Errno| Error::io("set the mode of", path.as_str(), error);
        let Some(folder) = folder(root, path)? else { continue };
        let dir = rustix::fs::openat(folder, path.name(), FOLDER, Mode::empty()).map_err(io)?;
        rustix::fs::fchmod(dir, Mode::from(mode)).map_err(io)?;
    }
    Ok(())
}

/// Whether there was none.
fn make_folder(folder: &OwnedFd, path: &TreePath) -> Result<bool, Error> {
    let io = |error: Errno| Error::io("make", path.as_str(), error);
    match rustix::fs::mkdirat(folder, path.name(), Mode::from(0o700)) {
        Ok(()) => return Ok(true),
        Err(Errno::EXIST) => {}
        Err(error) => return Err(io(error)),
    }
    let stat = rustix::fs::statat(folder, path.name(), AtFlags::SYMLINK_NOFOLLOW).map_err(io)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => Ok(false),
        _ => {
            let why = "a folder in the box, and something else here; move that away";
            Err(Error::refused(path.as_str(), why))
        }
    }
}

/// Puts a file or link under its name when it is whole. One that is killed meanwhile leaves
/// nothing, where the file system has files without a name.
fn place(
    store: &Store,
    folder: &OwnedFd,
    path: &TreePath,
    entry: &Entry,
    copying: &mut Copying<'_>,
) -> Result<(), Error> {
    let beside = format!(".greenroom-copy-{}", Records::new_id()?);
    let io = |error: Errno| Error::io("write", path.as_str(), error);
    let is_placed = match entry {
        Entry::File { mode, .. } => {
            let (file, has_name) = new_file(folder, &beside).map_err(io)?;
            let mut whole = || {
                let to =
                    file.try_clone().map_err(|error| Error::io("write", path.as_str(), error))?;
                copying.file(store, entry, to).map_err(|error| at(path, error))?;
                rustix::fs::fchmod(&file, Mode::from(*mode)).map_err(io)
            };
            let open = format!("/proc/self/fd/{}", file.as_raw_fd());
            let link =
                |name: &str| rustix::fs::linkat(CWD, &open, folder, name, AtFlags::SYMLINK_FOLLOW);
            whole().and_then(|()| match has_name {
                true => Ok(false),
                false => named(path.name(), &beside, link).map_err(io),
            })
        }
        Entry::Symlink { target } => {
            let link = |name: &str| rustix::fs::symlinkat(target.as_str(), folder, name);
            named(path.name(), &beside, link).map_err(io)
        }
        Entry::Dir { .. } | Entry::Tombstone => return Ok(()),
    };
    if matches!(is_placed, Ok(true)) {
        return Ok(());
    }
    let placed = is_placed.and_then(|_| {
        rustix::fs::renameat(folder, &beside, folder, path.name()).map_err(|error| match error {
            Errno::ISDIR => {
                let why = "no folder in the box, and a folder here; move that away";
                Error::refused(path.as_str(), why)
            }
            error => io(error),
        })
    });
    if placed.is_err() {
        let _ = rustix::fs::unlinkat(folder, &beside, AtFlags::empty());
    }
    placed
}

/// A new file, and whether it has the name: only where the file system has none without.
fn new_file(folder: &OwnedFd, name: &str) -> rustix::io::Result<(File, bool)> {
    let (flags, mode) = (OFlags::WRONLY | OFlags::CLOEXEC, Mode::from(0o600));
    // Any failure of this is one of the other too, or is none there.
    if let Ok(file) = rustix::fs::openat(folder, ".", flags | OFlags::TMPFILE, mode) {
        return Ok((File::from(file), false));
    }
    let flags = flags | OFlags::CREATE | OFlags::EXCL;
    Ok((File::from(rustix::fs::openat(folder, name, flags, mode)?), true))
}

/// Makes something under its name if that is free, or else beside it; whether it was free.
fn named(
    name: &str,
    beside: &str,
    make: impl Fn(&str) -> rustix::io::Result<()>,
) -> rustix::io::Result<bool> {
    match make(name) {
        Ok(()) => Ok(true),
        Err(Errno::EXIST) => make(beside).map(|()| false),
        Err(error) => Err(error),
    }
}

/// A failure of the copy of a file, with its name instead of the blob's.
pub fn at(path: &TreePath, error: Error) -> Error {
    match error {
        Error::Io { source, .. } => Error::io("copy", path.as_str(), source),
        error => error,
    }
}
