//! The box's root as one directory: the layers copied over each other, as an overlay would show
//! them, and afterwards marked so that it is an overlay's upper directory.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, XattrFlags, mknodat, openat2};

use crate::sandbox::making::{self, Making};
use crate::sandbox::state::remove_tree;

/// Overlayfs's mark of a folder that hides what is below it, with `userxattr` and without.
const OPAQUE: [&str; 2] = ["user.overlay.opaque", "trusted.overlay.opaque"];

/// Folders in folders; layers have no more.
const DEPTH_MAX: usize = 256;

/// Makes `<dir>/upper` show the layers, the lowest first, and over them what it holds already.
pub fn fill(dir: &Path, lower: &[PathBuf]) -> io::Result<PathBuf> {
    let (upper, work) = (dir.join("upper"), dir.join("work"));
    remove_tree(&work)?;
    fs::create_dir_all(&work)?;
    fs::set_permissions(&work, fs::Permissions::from_mode(0o700))?;
    fs::create_dir_all(&upper)?;
    let made = work.join("upper");
    fs::create_dir(&made)?;
    for layer in lower.iter().chain([&upper]) {
        lay(layer, &made, DEPTH_MAX).map_err(|error| at(layer, error))?;
    }
    // From here on a crash leaves the old one in `work`, the new one or both: the layers are
    // whole, and what an earlier box wrote is in both.
    fs::rename(&upper, work.join("old"))?;
    fs::rename(&made, &upper)?;
    remove_tree(&work)?;
    Ok(upper)
}

fn at(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// Lays one directory over another. Both stand still, and the second is ours alone.
fn lay(from: &Path, to: &Path, depth: usize) -> io::Result<()> {
    if depth == 0 {
        return Err(io::Error::other("folders in folders over 256 deep"));
    }
    for entry in fs::read_dir(from)? {
        let (from, to) = {
            let entry = entry?;
            (entry.path(), to.join(entry.file_name()))
        };
        let meta = fs::symlink_metadata(&from)?;
        let kind = meta.file_type();
        if kind.is_dir() {
            lay_folder(&from, &to, &meta, depth)?;
            continue;
        }
        clear(&to)?;
        if kind.is_symlink() {
            symlink(fs::read_link(&from)?, &to)?;
        } else if kind.is_file() {
            // Shares the blocks where the file system can.
            fs::copy(&from, &to)?;
            copy_attributes(&from, &to)?;
        } else if !(kind.is_char_device() && meta.rdev() == 0) {
            let why = "a device, socket or pipe, which no layer holds";
            return Err(at(&from, io::Error::other(why)));
        }
    }
    Ok(())
}

fn lay_folder(from: &Path, to: &Path, meta: &fs::Metadata, depth: usize) -> io::Result<()> {
    let there = fs::symlink_metadata(to).is_ok_and(|to| to.is_dir());
    if !there || is_opaque(from) {
        clear(to)?;
        fs::create_dir(to)?;
    }
    fs::set_permissions(to, fs::Permissions::from_mode(0o700))?;
    lay(from, to, depth - 1)?;
    copy_attributes(from, to)?;
    // Its owner could not write to it otherwise; a component is its owner, and has no other way.
    fs::set_permissions(to, fs::Permissions::from_mode(meta.mode() & 0o7777))
}

fn clear(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => remove_tree(path),
        Ok(_) => fs::remove_file(path),
        Err(_) => Ok(()),
    }
}

fn is_opaque(dir: &Path) -> bool {
    OPAQUE.into_iter().any(|name| {
        let mut value = [0; 8];
        rustix::fs::lgetxattr(dir, name, &mut value[..]) == Ok(1) && value[0] == b'y'
    })
}

/// Copies the attributes that belong to a layer.
fn copy_attributes(from: &Path, to: &Path) -> io::Result<()> {
    let mut list = vec![0_u8; 65_536];
    let count = match rustix::fs::llistxattr(from, &mut list[..]) {
        Ok(count) => count,
        Err(rustix::io::Errno::NOTSUP) => 0,
        Err(errno) => return Err(at(from, errno.into())),
    };
    let names = list[..count].split(|byte| *byte == 0);
    for name in names.filter(|name| name.starts_with(b"user.")) {
        if name.starts_with(b"user.overlay.") {
            continue;
        }
        let name = OsStr::from_bytes(name);
        let mut value = vec![0_u8; 65_536];
        let count = rustix::fs::lgetxattr(from, name, &mut value[..])?;
        rustix::fs::lsetxattr(to, name, &value[..count], XattrFlags::empty())?;
    }
    Ok(())
}

/// Makes an overlay's upper directory of it: its folders replace those below, and what is gone
/// from its top is marked as gone. Nothing may run in it.
pub fn settle(upper: &Path, lower: &[PathBuf]) -> io::Result<()> {
    for entry in fs::read_dir(upper)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            let path = entry.path();
            rustix::fs::lsetxattr(&path, OPAQUE[0], b"y", XattrFlags::empty())
                .map_err(|errno| at(&path, errno.into()))?;
        }
    }
    for layer in lower {
        for entry in fs::read_dir(layer)? {
            let gone = upper.join(entry?.file_name());
            if fs::symlink_metadata(&gone).is_err() {
                mknodat(CWD, &gone, FileType::CharacterDevice, Mode::empty(), 0)?;
            }
        }
    }
    Ok(())
}

/// Takes the marks of what is gone away again.
pub fn unsettle(upper: &Path) -> io::Result<()> {
    for entry in fs::read_dir(upper)? {
        let entry = entry?;
        let meta = entry.metadata()?;
        if meta.file_type().is_char_device() && meta.rdev() == 0 {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Opens a regular file below the root, whose links lead nowhere else.
pub fn open(root: &Path, path: &Path, create: Option<u32>) -> io::Result<File> {
    let dir = rustix::fs::open(root, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
    let common = OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
    let (flags, mode) = match create {
        Some(mode) => (OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC, Mode::from(mode & 0o777)),
        None => (OFlags::RDONLY, Mode::empty()),
    };
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let file = File::from(openat2(dir, path, flags | common, mode, resolve)?);
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    Ok(file)
}

/// Makes a folder or a link below the root, whose links lead nowhere else.
pub fn make(root: &Path, path: &Path, what: &Making) -> io::Result<()> {
    let Some(name) = path.file_name() else { return Err(io::ErrorKind::AlreadyExists.into()) };
    let name = name.to_str().ok_or(io::ErrorKind::InvalidInput)?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let dir = rustix::fs::open(root, flags, Mode::empty())?;
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let parent = openat2(dir, parent.unwrap_or(Path::new(".")), flags, Mode::empty(), resolve)?;
    // A link is only known in the root, so none counts as the folder that it leads to.
    Ok(making::make(&parent, name, what, ResolveFlags::NO_SYMLINKS)?)
}
