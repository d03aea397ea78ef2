//! Names in a folder of the machine, found without following any link.

use crate::error::Error;
use crate::hash::BlobHash;
use crate::path::TreePath;
use crate::tree::{Entry, Seen};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};

const CHUNK_BYTES: usize = 1 << 16;

/// How folders are opened: a link there, however new, is an error.
pub const FOLDER: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// The open folder that a path is in, or `None` if it is not there as a folder.
pub fn folder(root: &OwnedFd, path: &TreePath) -> Result<Option<OwnedFd>, Error> {
    let io = |error: Errno| Error::io("open the folder of", path.as_str(), error);
    let mut at = root.try_clone().map_err(|error| Error::io("open", path.as_str(), error))?;
    for name in path.parent().into_iter().flat_map(|parent| parent.split('/')) {
        at = match rustix::fs::openat(&at, name, FOLDER, Mode::empty()) {
            Ok(next) => next,
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(None),
            Err(error) => return Err(io(error)),
        };
    }
    Ok(Some(at))
}

/// What is at a path, without its attributes. What is neither file, folder nor link is
/// looked at as a tombstone, which no tree shows.
pub fn look(root: &OwnedFd, path: &TreePath) -> Result<Option<Entry>, Error> {
    match folder(root, path)? {
        Some(folder) => look_in(&folder, path),
        None => Ok(None),
    }
}

/// What is at a path, as far as links are followed. What cannot be looked at is not there.
pub fn seen(root: &OwnedFd, path: &TreePath) -> Option<Seen> {
    let folder = folder(root, path).ok()??;
    let stat = rustix::fs::statat(&folder, path.name(), AtFlags::SYMLINK_NOFOLLOW).ok()?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => Some(Seen::Dir),
        FileType::Symlink => {
            let target = rustix::fs::readlinkat(&folder, path.name(), Vec::new()).ok()?;
            Some(Seen::Link(target.to_string_lossy().into_owned()))
        }
        _ => Some(Seen::File),
    }
}

fn look_in(folder: &OwnedFd, path: &TreePath) -> Result<Option<Entry>, Error> {
    let io = |error: Errno| Error::io("look at", path.as_str(), error);
    let stat = match rustix::fs::statat(folder, path.name(), AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => stat,
        Err(Errno::NOENT) => return Ok(None),
        Err(error) => return Err(io(error)),
    };
    let mode = stat.st_mode & 0o7777;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => Ok(Some(Entry::dir(mode))),
        FileType::Symlink => {
            let target = rustix::fs::readlinkat(folder, path.name(), Vec::new()).map_err(io)?;
            Ok(Some(Entry::Symlink { target: target.to_string_lossy().into_owned() }))
        }
        FileType::RegularFile => {
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            let file = rustix::fs::openat(folder, path.name(), flags, Mode::empty()).map_err(io)?;
            let (hash, size) = hashed(File::from(file), path)?;
            Ok(Some(Entry::file(hash, size, mode)))
        }
        _ => Ok(Some(Entry::Tombstone)),
    }
}

fn hashed(mut file: File, path: &TreePath) -> Result<(BlobHash, u64), Error> {
    let (mut hasher, mut chunk, mut size) = (blake3::Hasher::new(), vec![0; CHUNK_BYTES], 0);
    loop {
        let read = file.read(&mut chunk);
        let count = read.map_err(|error| Error::io("read", path.as_str(), error))?;
        if count == 0 {
            return Ok((BlobHash::from_blake3(hasher.finalize()), size));
        }
        hasher.update(chunk.get(..count).unwrap_or(&[]));
        size += count as u64;
    }
}

/// The names in a folder.
pub fn names(folder: impl AsFd, shown: &str) -> Result<Vec<String>, Error> {
    let io = |error: Errno| Error::io("read", shown, error);
    let mut names = Vec::new();
    for item in Dir::read_from(folder).map_err(io)? {
        let name = item.map_err(io)?.file_name().to_string_lossy().into_owned();
        if !matches!(name.as_str(), "." | "..") {
            names.push(name);
        }
    }
    Ok(names)
}

/// Whether two look the same here, where attributes are not looked at.
pub fn same(one: Option<&Entry>, other: Option<&Entry>) -> bool {
    match (one, other) {
        (
            Some(Entry::File { hash, mode, .. }),
            Some(Entry::File { hash: other_hash, mode: other_mode, .. }),
        ) => (hash, mode) == (other_hash, other_mode),
        (Some(Entry::Dir { mode, .. }), Some(Entry::Dir { mode: other, .. })) => mode == other,
        (one, other) => one == other,
    }
}
