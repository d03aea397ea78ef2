//! A folder becomes a manifest. No link is followed: each name is opened in the folder
//! that is open already, so that nobody who renames meanwhile leads the walk elsewhere.

use super::bounds::{Bounds, Meter};
use super::closed::{Closed, may_look};
use super::known::Known;
use crate::error::Error;
use crate::path::TreePath;
use crate::store::Writing;
use crate::tree::{Entry, Manifest, Xattr, Xattrs};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::ErrorKind;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

#[cfg(test)]
mod tests;

/// Overlayfs's own attributes, for mounts with `userxattr` and for those without.
const OVERLAY: [&str; 2] = ["user.overlay.", "trusted.overlay."];

/// Those of them that only help overlayfs to remember.
const HINTS: [&str; 6] = ["origin", "impure", "nlink", "upper", "uuid", "protattr"];

/// The bits by which a program runs as its owner or group.
const SETUID: u32 = 0o6000;

/// Takes in a folder as it is.
///
/// # Errors
/// Devices, sockets, pipes, names that are no UTF-8, other file systems mounted in it,
/// what is beyond the bounds; a folder that cannot be read.
pub fn scan(dir: &Path, bounds: &Bounds, writing: &mut Writing<'_>) -> Result<Manifest, Error> {
    Ok(walk(dir, bounds, writing, Kind::Folder, &BTreeSet::new(), None)?.0)
}

/// Takes in a folder without some paths of it.
///
/// # Errors
/// As [`scan`].
pub fn scan_without(
    dir: &Path,
    skipped: &BTreeSet<TreePath>,
    bounds: &Bounds,
    writing: &mut Writing<'_>,
) -> Result<Manifest, Error> {
    Ok(walk(dir, bounds, writing, Kind::Folder, skipped, None)?.0)
}

/// Takes in the upper folder of an overlay mount: what was changed, with tombstones for
/// what was removed. The mount must be frozen or gone. What the box has closed to its owner is
/// opened while it is read, and `NAME.closed` beside the folder says what that is.
///
/// # Errors
/// As [`scan`]; folders that overlayfs renamed without copying (mount it without
/// `redirect_dir` and `metacopy`).
pub fn scan_upper(
    dir: &Path,
    bounds: &Bounds,
    writing: &mut Writing<'_>,
) -> Result<Manifest, Error> {
    Ok(walk(dir, bounds, writing, Kind::Upper, &BTreeSet::new(), None)?.0)
}

/// The same, where files that are known and have not changed are not read, and without what is
/// of use only to who runs now, or nowhere: sockets, pipes and the right to run as a file's owner.
/// What was left out comes along.
///
/// # Errors
/// As [`scan_upper`], for anything else.
pub fn scan_running(
    dir: &Path,
    bounds: &Bounds,
    writing: &mut Writing<'_>,
    known: &mut Known,
) -> Result<(Manifest, Vec<Omitted>), Error> {
    walk(dir, bounds, writing, Kind::Running, &BTreeSet::new(), Some(known))
}

/// How errors call the folder itself.
pub const ROOT: &str = "the root";

/// What was not taken in, and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Omitted {
    /// Where.
    pub path: TreePath,
    /// What.
    pub what: &'static str,
}

/// What a folder is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// What it looks like.
    Folder,
    /// The upper one of an overlay.
    Upper,
    /// The same, of a box that anything may have happened in.
    Running,
}

fn walk(
    dir: &Path,
    bounds: &Bounds,
    writing: &mut Writing<'_>,
    kind: Kind,
    skipped: &BTreeSet<TreePath>,
    known: Option<&mut Known>,
) -> Result<(Manifest, Vec<Omitted>), Error> {
    let io = |error: rustix::io::Errno| Error::io("read", dir, error);
    let mut closed = match kind {
        Kind::Folder => None,
        Kind::Upper | Kind::Running => Some(Closed::new(dir.with_extension("closed"))?),
    };
    let root = opened(dir, closed.as_mut())?;
    let stat = rustix::fs::fstat(&root).map_err(io)?;
    let (device, meter, dir) = (stat.st_dev, Meter::new(bounds), dir.file_name());
    let dir = Path::new(dir.unwrap_or_default());
    let (entries, omitted) = (BTreeMap::new(), Vec::new());
    let mut walk =
        Walk { writing, meter, kind, dir, device, skipped, known, closed, entries, omitted };
    walk.folder(None, &root)?;
    Ok((Manifest::new(walk.entries)?, walk.omitted))
}

/// Opens the folder itself, which its owner may have no right to read either.
fn opened(dir: &Path, closed: Option<&mut Closed>) -> Result<OwnedFd, Error> {
    let io = |error: rustix::io::Errno| Error::io("read", dir, error);
    let how = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let opened = rustix::fs::open(dir, how, Mode::empty());
    let name = dir.file_name().and_then(|name| name.to_str());
    let (Some(closed), Some(above), Some(name)) = (closed, dir.parent(), name) else {
        return opened.map_err(io);
    };
    match opened {
        Ok(opened) if may_look(&opened) => Ok(opened),
        Ok(_) | Err(rustix::io::Errno::ACCESS) => {
            let above = rustix::fs::open(above, how, Mode::empty()).map_err(io)?;
            let flags = AtFlags::SYMLINK_NOFOLLOW;
            let seen = rustix::fs::statat(&above, name, flags).map_err(io)?;
            closed.open(&above, name, &seen, Path::new(name))?;
            rustix::fs::open(dir, how, Mode::empty()).map_err(io)
        }
        Err(error) => Err(io(error)),
    }
}

struct Walk<'w, 's> {
    writing: &'w mut Writing<'s>,
    meter: Meter,
    kind: Kind,
    /// The name of the folder.
    dir: &'w Path,
    device: u64,
    skipped: &'w BTreeSet<TreePath>,
    known: Option<&'w mut Known>,
    closed: Option<Closed>,
    entries: BTreeMap<TreePath, Entry>,
    omitted: Vec<Omitted>,
}

impl Walk<'_, '_> {
    /// What is in an open folder. Paths are at most 256 deep, so this ends.
    fn folder(&mut self, path: Option<&TreePath>, folder: &OwnedFd) -> Result<(), Error> {
        let shown = path.map_or(ROOT, TreePath::as_str);
        let io = |error: rustix::io::Errno| Error::io("read", shown, error);
        for item in Dir::read_from(folder).map_err(io)? {
            let item = item.map_err(io)?;
            let Ok(name) = item.file_name().to_str() else {
                let name = item.file_name().to_string_lossy();
                return Err(Error::refused(format!("{shown}/{name}"), "its name is no UTF-8"));
            };
            if matches!(name, "." | "..") {
                continue;
            }
            let child = match path {
                Some(path) => path.join(name)?,
                None => TreePath::new(name)?,
            };
            if self.skipped.contains(&child) {
                continue;
            }
            self.meter.entry(child.as_str())?;
            let entry = self.entry(&child, folder)?;
            self.entries.insert(child, entry);
        }
        Ok(())
    }

    fn entry(&mut self, path: &TreePath, folder: &OwnedFd) -> Result<Entry, Error> {
        let io = |error: rustix::io::Errno| Error::io("read", path.as_str(), error);
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        let stat = rustix::fs::statat(folder, path.name(), flags).map_err(io)?;
        let refused = |why: &str| Err(Error::refused(path.as_str(), why));
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => {
                let (file, was_closed) = self.open(path, folder, &stat, OFlags::NONBLOCK)?;
                let entry = self.file(path, &file, stat.st_mode & 0o7777)?;
                self.close(was_closed);
                Ok(entry)
            }
            FileType::Directory if stat.st_dev != self.device => {
                refused("another file system is mounted here; unmount it, or take it in by itself")
            }
            FileType::Directory => {
                let (dir, was_closed) = self.open(path, folder, &stat, OFlags::DIRECTORY)?;
                let (xattrs, opaque) = self.xattrs(path, &dir)?;
                self.folder(Some(path), &dir)?;
                self.close(was_closed);
                Ok(Entry::Dir { mode: stat.st_mode & 0o7777, opaque, xattrs })
            }
            FileType::Symlink => {
                let target = rustix::fs::readlinkat(folder, path.name(), Vec::new()).map_err(io)?;
                match target.into_string() {
                    Ok(target) => Ok(Entry::Symlink { target }),
                    Err(_) => refused("a symbolic link whose target is no UTF-8"),
                }
            }
            FileType::CharacterDevice if self.is_upper() && stat.st_rdev == 0 => {
                Ok(Entry::Tombstone)
            }
            FileType::CharacterDevice | FileType::BlockDevice => {
                refused("a device; a box has its own few, remove this one")
            }
            FileType::Socket if self.kind == Kind::Running => Ok(self.omit(path, "a socket")),
            FileType::Fifo if self.kind == Kind::Running => Ok(self.omit(path, "a pipe")),
            FileType::Socket => refused("a socket; only whoever made it could use it, remove it"),
            FileType::Fifo => refused("a pipe; only whoever made it could use it, remove it"),
            FileType::Unknown => refused("neither a file, a folder nor a link"),
        }
    }

    /// Also what its owner may not read; then [`Walk::close`] closes it.
    fn open(
        &mut self,
        path: &TreePath,
        folder: &OwnedFd,
        seen: &Stat,
        how: OFlags,
    ) -> Result<(OwnedFd, bool), Error> {
        let opened = open(path, folder, seen, how);
        let is_closed = match &opened {
            Ok(opened) => how == OFlags::DIRECTORY && !may_look(opened),
            Err(Error::Io { source, .. }) => source.kind() == ErrorKind::PermissionDenied,
            Err(_) => false,
        };
        match self.closed.as_mut().filter(|_| is_closed) {
            Some(closed) => {
                closed.open(folder, path.name(), seen, &self.dir.join(path.as_str()))?;
                Ok((open(path, folder, seen, how)?, true))
            }
            None => Ok((opened?, false)),
        }
    }

    fn close(&mut self, was_closed: bool) {
        if let Some(closed) = self.closed.as_mut().filter(|_| was_closed) {
            closed.close_last();
        }
    }

    fn is_upper(&self) -> bool {
        self.kind != Kind::Folder
    }

    /// Whatever it hides in the layers below stays hidden.
    fn omit(&mut self, path: &TreePath, what: &'static str) -> Entry {
        self.omitted.push(Omitted { path: path.clone(), what });
        Entry::Tombstone
    }

    fn file(&mut self, path: &TreePath, file: &OwnedFd, mut mode: u32) -> Result<Entry, Error> {
        let io = |error: rustix::io::Errno| Error::io("read", path.as_str(), error);
        let stat = rustix::fs::fstat(file).map_err(io)?;
        if self.kind == Kind::Running && mode & SETUID != 0 {
            let what = "the right to run as its owner or group";
            self.omitted.push(Omitted { path: path.clone(), what });
            mode &= !SETUID;
        }
        let mode = self.meter.file_mode(path.as_str(), mode)?;
        self.meter.announce(path.as_str(), u64::try_from(stat.st_size).unwrap_or(0))?;
        let (xattrs, _) = self.xattrs(path, file)?;
        let unchanged = self.known.as_mut().and_then(|known| known.unchanged(path, &stat));
        if let (Some(hash), Ok(size)) = (unchanged, u64::try_from(stat.st_size)) {
            self.meter.took(size);
            return Ok(Entry::File { hash, size, mode, xattrs });
        }
        let mut reader =
            File::from(file.try_clone().map_err(|e| Error::io("read", path.as_str(), e))?);
        let (hash, size) = self.writing.blob(&mut reader, self.meter.room())?;
        self.meter.took(size);
        if let Some(known) = &mut self.known {
            known.note(path, &stat, file, hash);
        }
        Ok(Entry::File { hash, size, mode, xattrs })
    }

    /// Attributes that belong to the tree, and whether overlayfs marked this as opaque.
    fn xattrs(&self, path: &TreePath, file: &OwnedFd) -> Result<(Xattrs, bool), Error> {
        let io = |error: rustix::io::Errno| Error::io("read attributes of", path.as_str(), error);
        let mut list = vec![0_u8; 65_536];
        let count = match rustix::fs::flistxattr(file, &mut list[..]) {
            Ok(count) => count,
            Err(rustix::io::Errno::NOTSUP) => 0,
            Err(error) => return Err(io(error)),
        };
        let (mut xattrs, mut opaque) = (Xattrs::new(), false);
        let names = list.get(..count).unwrap_or(&[]).split(|byte| *byte == 0);
        for name in names.filter(|name| !name.is_empty()) {
            let Ok(name) = std::str::from_utf8(name) else {
                return Err(Error::refused(path.as_str(), "an attribute whose name is no UTF-8"));
            };
            let overlay = OVERLAY.iter().find_map(|prefix| name.strip_prefix(prefix));
            match overlay.filter(|_| self.is_upper()) {
                Some(hint) if HINTS.contains(&hint) => {}
                Some("opaque") if value(file, name).map_err(io)? == b"y" => opaque = true,
                Some(other) => {
                    let why =
                        format!("overlayfs's attribute `{other}`, which changes what is seen");
                    return Err(Error::refused(path.as_str(), why));
                }
                // Others than user.* are about this machine, or give rights.
                None if !name.starts_with("user.") => {}
                None => {
                    xattrs.insert(name.to_owned(), Xattr(value(file, name).map_err(io)?));
                }
            }
        }
        Ok((xattrs, opaque))
    }
}

fn value(file: &OwnedFd, name: &str) -> rustix::io::Result<Vec<u8>> {
    let mut bytes = vec![0_u8; 65_536];
    let count = rustix::fs::fgetxattr(file, name, &mut bytes[..])?;
    bytes.truncate(count);
    Ok(bytes)
}

/// Opens what was looked at, and nothing that took its place. Opening a pipe does not wait.
fn open(path: &TreePath, folder: impl AsFd, seen: &Stat, how: OFlags) -> Result<OwnedFd, Error> {
    let io = |error: rustix::io::Errno| Error::io("open", path.as_str(), error);
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NOCTTY | how;
    let file = rustix::fs::openat(folder, path.name(), flags, Mode::empty()).map_err(io)?;
    let stat = rustix::fs::fstat(&file).map_err(io)?;
    if (stat.st_dev, stat.st_ino) != (seen.st_dev, seen.st_ino) {
        return Err(Error::refused(path.as_str(), "it was replaced while it was read; try again"));
    }
    Ok(file)
}
